//! The part of a stream that is still needed.
//!
//! In: bytes in order. Out: bytes by their position in the stream. What is needed is decided by the stream.

use memchr::memrchr;

/// Bytes before anything undecided that stay readable: what may stand before a secret, and the start of its line.
pub(super) const CONTEXT: usize = 256;
/// Lines are measured no further back than this.
const LONGEST_MEASURED: usize = 192;
/// Dropping less than this at once would move bytes around too often.
const WORTH_DROPPING: usize = 4096;

/// A stretch of a stream, by absolute positions.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    base: usize,
    /// Nothing will follow.
    pub(super) ended: bool,
}

impl Window {
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The position after the last byte.
    pub(super) fn end(&self) -> usize {
        self.base + self.bytes.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<u8> {
        self.bytes.get(at.checked_sub(self.base)?).copied()
    }

    /// The byte before a position.
    pub(super) fn before(&self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|before| self.get(before))
    }

    /// The bytes from `start` to `end`, as far as they are there.
    pub(super) fn slice(&self, start: usize, end: usize) -> &[u8] {
        let clip = |at: usize| at.saturating_sub(self.base).min(self.bytes.len());
        self.bytes.get(clip(start)..clip(end)).unwrap_or_default()
    }

    /// How far into its line a position is, up to a limit that no terminal reaches.
    pub(super) fn column(&self, at: usize) -> usize {
        let line = self.slice(at.saturating_sub(LONGEST_MEASURED), at);
        memrchr(b'\n', line).map_or(line.len(), |end| line.len() - end - 1)
    }

    /// Forgets what lies well before `needed`.
    pub(super) fn forget_before(&mut self, needed: usize) {
        let spare = needed.saturating_sub(self.base).saturating_sub(CONTEXT).min(self.bytes.len());
        if spare >= WORTH_DROPPING {
            self.bytes.drain(..spare);
            self.base += spare;
        }
    }
}
