//! One output stream of a job: pipe, redaction, ring.
//!
//! In: a pipe that the job writes into. Out: the newest redacted bytes, readable at any cursor, and a signal whenever
//! there are more.
//!
//! INVARIANT: raw bytes live only in the read buffer; what is kept or passed on has been through redaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};

use super::sequence::Sequence;
use crate::output::{Redactor, Ring, SpillPlan};

/// Bytes of one read. Small enough that reader and writer do not wait for each other over a full pipe.
const READ: usize = 64 << 10;

/// Which of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A live copy of what a job writes, redacted, for a front that prints as it comes. The job waits for a slow reader.
pub type Tap = mpsc::Sender<(Channel, Vec<u8>)>;

/// The kept part of one stream.
#[derive(Debug)]
pub(super) struct Stream {
    channel: Channel,
    ring: Mutex<Ring>,
    counts: Mutex<BTreeMap<String, u64>>,
    written: watch::Sender<u64>,
    sequence: Arc<Mutex<Sequence>>,
}

impl Stream {
    pub(super) fn new(
        channel: Channel,
        capacity: usize,
        spill: Option<SpillPlan>,
        sequence: Arc<Mutex<Sequence>>,
    ) -> Self {
        let (written, _) = watch::channel(0);
        let ring = match spill {
            Some(plan) => Ring::new(capacity).spilling(plan),
            None => Ring::new(capacity),
        };
        Self { channel, ring: Mutex::new(ring), counts: Mutex::default(), written, sequence }
    }

    /// The ring, to read from. Held for the time of one copy.
    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        // A panic while copying bytes cannot leave a half-made ring behind that would be wrong to read.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes each time bytes arrive.
    pub(super) fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Rules that fired so far.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves bytes from the pipe into the ring until the pipe ends. `spend` is told the size of each read, and answers
    /// how many of these bytes may be kept; the others are counted, and the stream ends with their number.
    pub(super) async fn fill(
        &self,
        mut pipe: pipe::Receiver,
        redactor: &Arc<Redactor>,
        tap: Option<Tap>,
        spend: impl Fn(u64) -> u64,
    ) {
        let mut filter = redactor.stream();
        let mut raw = vec![0; READ];
        let mut clean = Vec::new();
        let (mut dropped, mut told) = (0, 0);
        loop {
            // A failed read is the end of the stream: the job's end tells the rest.
            let count = pipe.read(&mut raw).await.unwrap_or(0);
            let kept = usize::try_from(spend(count as u64)).unwrap_or(usize::MAX).min(count);
            dropped += (count - kept) as u64;
            match raw.get(..kept) {
                Some(chunk) if count > 0 => filter.push(chunk, &mut clean),
                _ => filter.finish(&mut clean),
            }
            if count == 0 && dropped > 0 {
                clean.extend_from_slice(format!("\n[{dropped} bytes more were dropped: limits.output]\n").as_bytes());
            }
            if !clean.is_empty() {
                let total = {
                    let mut ring = self.ring();
                    ring.push(&clean);
                    ring.total()
                };
                // Noted after the ring has them, so that nobody is sent to bytes that are not there.
                self.sequence.lock().unwrap_or_else(PoisonError::into_inner).note(self.channel, total);
                self.written.send_modify(|total| *total += clean.len() as u64);
                if let Some(tap) = &tap {
                    // The reader may have gone away; the ring keeps what it missed.
                    let _ = tap.send((self.channel, std::mem::take(&mut clean))).await;
                }
                clean.clear();
            }
            // Told while the job runs, once for each read in which something fired.
            if filter.fired() != told {
                told = filter.fired();
                *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = filter.counts();
            }
            if count == 0 {
                break;
            }
        }
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = filter.counts();
    }
}
