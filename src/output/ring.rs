//! The newest bytes of one stream in memory, older ones in a spill file.
//!
//! In: redacted bytes as they come. Out: any part that is still there, by its position in the stream. Positions never
//! move, not even when bytes leave for the spill: a reader that asks for bytes that are gone is told how many it
//! missed. What the bytes look like to a model is decided in `view`.

use std::collections::VecDeque;

use memchr::memrchr_iter;

use super::spill::{Spill, SpillPlan};

/// A bounded memory of a byte stream.
#[derive(Debug)]
pub struct Ring {
    bytes: VecDeque<u8>,
    capacity: usize,
    total: u64,
    spill: Spilled,
}

/// What becomes of bytes that leave the memory.
#[derive(Debug)]
enum Spilled {
    /// They are gone: nobody wanted them, or the disk did not take them.
    No,
    /// They will go to a file once there are any.
    Planned(SpillPlan),
    /// They are there.
    File(Spill),
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The position after them, where the next read goes on.
    pub next: u64,
    /// Bytes between the asked position and the first one returned that are no longer there.
    pub dropped: u64,
}

/// Both ends of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadTail {
    /// Bytes before `head` that are no longer there.
    pub dropped: u64,
    /// The oldest bytes held; empty when `tail` holds everything.
    pub head: Vec<u8>,
    /// Bytes between head and tail, held but not returned.
    pub omitted: u64,
    /// The newest bytes.
    pub tail: Vec<u8>,
}

impl Ring {
    /// An empty ring that never holds more than `capacity` bytes. Memory grows with what comes.
    pub fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::new(), capacity, total: 0, spill: Spilled::No }
    }

    /// The same with a file for the bytes that have no room any more; it is made when the first ones leave.
    #[must_use]
    pub fn spilling(self, plan: SpillPlan) -> Self {
        Self { spill: Spilled::Planned(plan), ..self }
    }

    /// Takes bytes in; the oldest make room.
    pub fn push(&mut self, bytes: &[u8]) {
        let (passing, newest) = bytes.split_at(bytes.len().saturating_sub(self.capacity));
        let excess = (self.bytes.len() + newest.len()).saturating_sub(self.capacity);
        if excess > 0 || !passing.is_empty() {
            self.evict(excess, passing);
        }
        self.total += bytes.len() as u64;
        self.bytes.drain(..excess);
        let needed = self.bytes.len() + newest.len();
        if needed > self.bytes.capacity() {
            // The deque's own doubling would overshoot the bound.
            let target = needed.max(self.bytes.capacity() * 2).min(self.capacity);
            self.bytes.reserve_exact(target - self.bytes.len());
        }
        self.bytes.extend(newest);
    }

    /// Bytes that ever came, which is the position after the newest.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Passes the oldest `excess` bytes on to the spill, and those that come and go at once.
    fn evict(&mut self, excess: usize, passing: &[u8]) {
        if let Spilled::Planned(plan) = &self.spill {
            // A folder that takes no file costs the older bytes, never the job; `dropped` tells.
            self.spill = Spill::new(plan, self.in_memory()).map_or(Spilled::No, Spilled::File);
        }
        let Spilled::File(spill) = &mut self.spill else { return };
        let (older, newer) = self.bytes.as_slices();
        let (first, second) = (excess.min(older.len()), excess.saturating_sub(older.len()));
        let parts = [older.get(..first), newer.get(..second), Some(passing)];
        if parts.into_iter().flatten().try_for_each(|part| spill.append(part)).is_err() {
            self.spill = Spilled::No;
        }
    }

    /// The position of the oldest byte in memory.
    fn in_memory(&self) -> u64 {
        self.total - self.bytes.len() as u64
    }

    /// Bytes that came and are no longer there, which is the position of the oldest one held.
    pub fn dropped(&self) -> u64 {
        match &self.spill {
            Spilled::File(spill) => spill.start().min(self.in_memory()),
            Spilled::No | Spilled::Planned(_) => self.in_memory(),
        }
    }

    /// Up to `max` bytes from position `from` on. A position beyond the end reads nothing at the end.
    pub fn read(&self, from: u64, max: usize) -> Slice {
        let oldest = self.dropped();
        let begin = from.clamp(oldest, self.total);
        let in_memory = self.in_memory();
        let mut bytes = Vec::new();
        let mut lost = 0;
        if let Spilled::File(spill) = &self.spill {
            let before = usize::try_from(in_memory.saturating_sub(begin)).unwrap_or(usize::MAX).min(max);
            if spill.read(begin, before, &mut bytes).is_err() {
                // Unreadable is as good as gone.
                bytes.clear();
                lost = before as u64;
            }
        }
        let at = begin + lost + bytes.len() as u64;
        let skip = usize::try_from(at.saturating_sub(in_memory)).unwrap_or(usize::MAX).min(self.bytes.len());
        let length = max.saturating_sub(bytes.len()).min(self.bytes.len() - skip);
        if at >= in_memory {
            bytes.append(&mut self.copy(skip, skip + length));
        }
        Slice { next: begin + lost + bytes.len() as u64, dropped: oldest.saturating_sub(from) + lost, bytes }
    }

    /// The last `lines` lines; an unfinished last line counts as one.
    pub fn tail_lines(&self, lines: usize) -> Slice {
        let (older, newer) = self.bytes.as_slices();
        let ends = memrchr_iter(b'\n', newer).map(|at| at + older.len()).chain(memrchr_iter(b'\n', older));
        let last = self.bytes.len().wrapping_sub(1);
        let start = ends.filter(|at| *at != last).nth(lines.saturating_sub(1)).map_or(0, |at| at + 1);
        let start = if lines == 0 { self.bytes.len() } else { start };
        Slice { bytes: self.copy(start, self.bytes.len()), next: self.total, dropped: self.dropped() }
    }

    /// Everything held when it fits `max` bytes, else the oldest and the newest half of that.
    pub fn head_tail(&self, max: usize) -> HeadTail {
        let oldest = self.dropped();
        let held = self.total - oldest;
        if held <= max as u64 {
            return HeadTail { dropped: oldest, head: Vec::new(), omitted: 0, tail: self.read(oldest, max).bytes };
        }
        let head = self.read(oldest, max / 2).bytes;
        let tail = self.read(self.total - (max - max / 2) as u64, max).bytes;
        let omitted = held - head.len() as u64 - tail.len() as u64;
        HeadTail { dropped: oldest, head, omitted, tail }
    }

    /// The held bytes from index `start` to `end`.
    fn copy(&self, start: usize, end: usize) -> Vec<u8> {
        let mut copy = Vec::with_capacity(end - start);
        let (older, newer) = self.bytes.as_slices();
        let split = older.len();
        copy.extend_from_slice(older.get(start.min(split)..end.min(split)).unwrap_or_default());
        let newer_range = start.saturating_sub(split)..end.saturating_sub(split);
        copy.extend_from_slice(newer.get(newer_range).unwrap_or_default());
        copy
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cursors_survive_eviction_and_tell_what_is_gone() {
        let mut ring = Ring::new(4);
        ring.push(b"abc");
        assert_eq!(ring.read(0, 10), Slice { bytes: b"abc".to_vec(), next: 3, dropped: 0 });
        ring.push(b"defg");
        assert_eq!(ring.read(3, 2), Slice { bytes: b"de".to_vec(), next: 5, dropped: 0 });
        assert_eq!(ring.read(1, 10), Slice { bytes: b"defg".to_vec(), next: 7, dropped: 2 });
        assert_eq!(ring.read(99, 10), Slice { bytes: Vec::new(), next: 7, dropped: 0 });
        assert_eq!((ring.total(), ring.dropped()), (7, 3));
    }

    #[test]
    fn tail_lines_counts_an_unfinished_line() {
        let cases: [(&str, usize, &str); 6] = [
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb", 9, "a\nb"),
            ("\n\n", 1, "\n"),
            ("a\nb\n", 0, ""),
            ("", 3, ""),
        ];
        for (text, lines, want) in cases {
            let mut ring = Ring::new(100);
            ring.push(text.as_bytes());
            assert_eq!(ring.tail_lines(lines).bytes, want.as_bytes(), "{lines} of {text:?}");
        }
    }

    #[test]
    fn head_and_tail_share_what_fits() {
        let mut ring = Ring::new(100);
        ring.push(b"0123456789");
        assert_eq!(ring.head_tail(10).tail, b"0123456789");
        let want = HeadTail { dropped: 0, head: b"01".to_vec(), omitted: 5, tail: b"789".to_vec() };
        assert_eq!(ring.head_tail(5), want);
    }

    proptest! {
        #[test]
        fn cursors_survive_the_way_into_the_spill(
            capacity in 1_usize..20,
            room in 1_u64..50,
            pushes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..20),
            from in 0_u64..400,
            max in 0_usize..90,
        ) {
            let plan = SpillPlan { dir: std::env::temp_dir(), capacity: room };
            let mut ring = Ring::new(capacity).spilling(plan);
            let mut all = Vec::new();
            for push in &pushes {
                ring.push(push);
                all.extend_from_slice(push);
            }
            let oldest = (all.len().saturating_sub(capacity) as u64).saturating_sub(room);
            prop_assert_eq!((ring.total(), ring.dropped()), (all.len() as u64, oldest));
            let slice = ring.read(from, max);
            let begin = from.clamp(oldest, all.len() as u64);
            let want: Vec<u8> = all.iter().copied().skip(usize::try_from(begin).unwrap_or(0)).take(max).collect();
            prop_assert_eq!(slice.next, begin + want.len() as u64);
            prop_assert_eq!(slice.dropped, oldest.saturating_sub(from));
            prop_assert_eq!(slice.bytes, want);
        }

        #[test]
        fn a_ring_is_the_end_of_everything_pushed(
            capacity in 0_usize..40,
            pushes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..20),
            from in 0_u64..400,
            max in 0_usize..60,
        ) {
            let mut ring = Ring::new(capacity);
            let mut all = Vec::new();
            for push in &pushes {
                ring.push(push);
                all.extend_from_slice(push);
                prop_assert!(ring.bytes.len() <= capacity && ring.bytes.capacity() <= capacity.max(8));
            }
            let oldest = all.len().saturating_sub(capacity) as u64;
            prop_assert_eq!((ring.total(), ring.dropped()), (all.len() as u64, oldest));
            let slice = ring.read(from, max);
            let begin = from.clamp(oldest, all.len() as u64);
            let want: Vec<u8> = all.iter().copied().skip(usize::try_from(begin).unwrap_or(0)).take(max).collect();
            prop_assert_eq!(slice.next, begin + want.len() as u64);
            prop_assert_eq!(slice.dropped, oldest.saturating_sub(from));
            prop_assert_eq!(slice.bytes, want);
        }
    }
}
