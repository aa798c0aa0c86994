//! Both streams of a job as one, in the order in which they came.
//!
//! In: where a reader stands in both, how much at most. Out: one text and where to go on. A secret of which each stream
//! holds a part is whole only here, so the text is redacted once more.

use super::Engine;
use super::call::{Cursor, Merged, NoSuchJob};
use crate::jobs::{Channel, Job, Run};
use crate::output::{Slice, view};

/// Bytes of both streams, and what is known of those that are not among them.
#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
    next: Cursor,
    dropped: u64,
    more: u64,
    unordered: u64,
}

impl Engine {
    /// What both streams said since a cursor, in the order in which it came, at most `max_bytes` together.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub fn merged(&self, client: &str, id: &str, from: Cursor, max_bytes: usize) -> Result<Merged, NoSuchJob> {
        let Joined { bytes, next, dropped, more, unordered } = join(&*self.find(client, id)?, from, max_bytes);
        Ok(Merged { text: self.law.now().judge.clean(&view::text(&bytes)), next, dropped, more, unordered })
    }
}

fn join(job: &Job, from: Cursor, max_bytes: usize) -> Joined {
    let runs = job.runs();
    let end = |channel| runs.iter().rev().find(|run| run.channel == channel).map_or(0, |run| run.until);
    let end = Cursor { stdout: end(Channel::Stdout), stderr: end(Channel::Stderr) };
    let next = Cursor { stdout: from.stdout.min(end.stdout), stderr: from.stderr.min(end.stderr) };
    let mut joined = Joined { next, ..Joined::default() };
    for run in runs {
        let room = max_bytes.saturating_sub(joined.bytes.len());
        if room == 0 || !append(job, run, room, &mut joined) {
            break;
        }
    }
    let Cursor { stdout, stderr } = joined.next;
    joined.more = end.stdout.saturating_sub(stdout) + end.stderr.saturating_sub(stderr);
    joined
}

/// Appends what is still to be read of one run; false when there was no room for all of it.
fn append(job: &Job, run: Run, room: usize, joined: &mut Joined) -> bool {
    let at = match run.channel {
        Channel::Stdout => &mut joined.next.stdout,
        Channel::Stderr => &mut joined.next.stderr,
    };
    if run.until <= *at {
        return true;
    }
    let slice = job.with_ring(run.channel, |ring| {
        // Bytes that are gone take no room.
        let begin = ring.dropped().clamp(*at, run.until);
        let length = usize::try_from(run.until - begin).unwrap_or(usize::MAX).min(room);
        let slice = ring.read(begin, length);
        Slice { dropped: slice.dropped + (begin - *at), ..slice }
    });
    let kept = if slice.next < run.until { view::whole(&slice.bytes) } else { slice.bytes.as_slice() };
    *at = slice.next - (slice.bytes.len() - kept.len()) as u64;
    let complete = *at >= run.until;
    joined.dropped += slice.dropped;
    joined.unordered += if run.ordered { 0 } else { kept.len() as u64 };
    joined.bytes.extend_from_slice(kept);
    complete
}
