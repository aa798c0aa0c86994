//! Older bytes of one stream, in a file without a name.
//!
//! In: bytes that leave the ring, in order, by their position in the stream. Out: any of them that the cap still leaves.
//! The file is made in a folder that no job reaches, belongs to its owner alone and has no name, so that it is gone with
//! the job, and with the server however that ends. Bytes are redacted before they come here.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where and how much may be spilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpillPlan {
    /// The folder; only its owner may read it.
    pub dir: PathBuf,
    /// Bytes of one stream.
    pub capacity: u64,
}

/// The newest `capacity` bytes of what was appended; the file is written round and round.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    capacity: u64,
    /// Positions in the stream of the oldest byte held and of the one after the newest.
    start: u64,
    end: u64,
}

impl Spill {
    /// An empty file below `dir`, at this position of the stream.
    pub(super) fn new(plan: &SpillPlan, at: u64) -> io::Result<Self> {
        let file = tempfile::tempfile_in(Path::new(&plan.dir))?;
        Ok(Self { file, capacity: plan.capacity.max(1), start: at, end: at })
    }

    /// The position of the oldest byte held.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Takes the next bytes; the oldest make room.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let kept = usize::try_from(self.capacity).unwrap_or(usize::MAX).min(bytes.len());
        let (skipped, mut rest) = bytes.split_at(bytes.len() - kept);
        let mut at = self.end + skipped.len() as u64;
        // What is being written over is gone even when the write fails.
        self.start = self.start.max((at + rest.len() as u64).saturating_sub(self.capacity));
        while !rest.is_empty() {
            let (now, later) = rest.split_at(self.run(at, rest.len()));
            self.file.write_all_at(now, at % self.capacity)?;
            at += now.len() as u64;
            rest = later;
        }
        self.end = at;
        Ok(())
    }

    /// Appends up to `max` bytes from position `from` on to `out`; nothing when they are not held.
    pub(super) fn read(&self, from: u64, max: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let mut at = from.max(self.start);
        let mut left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX).min(max);
        while left > 0 {
            let length = self.run(at, left);
            let old = out.len();
            out.resize(old + length, 0);
            if let Some(room) = out.get_mut(old..) {
                self.file.read_exact_at(room, at % self.capacity)?;
            }
            at += length as u64;
            left -= length;
        }
        Ok(())
    }

    /// How many of `wanted` bytes from a position on stand together in the file.
    fn run(&self, at: u64, wanted: usize) -> usize {
        let room = self.capacity - at % self.capacity;
        usize::try_from(room).unwrap_or(usize::MAX).min(wanted)
    }
}
