//! What a terminal shows now.
//!
//! In: the redacted bytes that a job wrote to its terminal. Out: the lines of the screen and where the cursor stands. What
//! scrolled away is in the stream, not here.

use std::num::NonZeroU16;
use std::sync::{Mutex, PoisonError};

use crate::output::Ring;

/// Lines and columns of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: NonZeroU16,
    /// Characters in a line.
    pub columns: NonZeroU16,
}

impl Size {
    /// A terminal of that size; a side of zero becomes one.
    pub fn new(rows: u16, columns: u16) -> Self {
        let side = |length| NonZeroU16::new(length).unwrap_or(NonZeroU16::MIN);
        Self { rows: side(rows), columns: side(columns) }
    }
}

impl Default for Size {
    fn default() -> Self {
        Self::new(24, 80)
    }
}

/// A screen as it looks at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its lines, without blanks at their ends and without empty lines at the bottom.
    pub text: String,
    /// Line and column of the cursor, counted from 1.
    pub cursor: (u16, u16),
    /// Its size.
    pub size: Size,
}

/// The terminal of a job. It is drawn when somebody looks: the bytes since the last look are read from the ring.
pub(super) struct Screen {
    size: Size,
    drawn: Mutex<Drawn>,
}

struct Drawn {
    terminal: vt100::Parser,
    /// Bytes of the stream that are on it.
    until: u64,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Screen {
    pub(super) fn new(size: Size) -> Self {
        let terminal = vt100::Parser::new(size.rows, size.columns, 0);
        Self { size, drawn: Mutex::new(Drawn { terminal, until: 0 }) }
    }

    /// Draws what came since and shows the whole.
    pub(super) fn show(&self, stream: &Ring) -> Shown {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let news = stream.read(drawn.until, usize::MAX);
        drawn.terminal.process(&news.bytes);
        drawn.until = news.next;
        let screen = drawn.terminal.screen();
        let lines: Vec<String> = screen.rows(0, self.size.columns.get()).collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        let (row, column) = screen.cursor_position();
        let text = lines.join("\n");
        Shown { text: text.trim_end_matches('\n').to_owned(), cursor: (row + 1, column + 1), size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_is_what_a_person_would_see() {
        let screen = Screen::new(Size::new(4, 10));
        let mut ring = Ring::new(1 << 10);
        ring.push(b"gone\r\n1\r\n2\r\n3\r\nlast");
        assert_eq!(screen.show(&ring).text, "1\n2\n3\nlast", "what scrolled away is not on it");
        ring.push(b"\x1b[2J\x1b[Hmenu\x1b[2;3H> one\x1b[1;1H");
        let shown = screen.show(&ring);
        assert_eq!((shown.text.as_str(), shown.cursor), ("menu\n  > one", (1, 1)));
    }

    #[test]
    fn a_sequence_that_comes_in_two_pieces_is_one() {
        let screen = Screen::new(Size::default());
        let mut ring = Ring::new(1 << 10);
        ring.push(b"abc\x1b[");
        assert_eq!(screen.show(&ring).text, "abc");
        ring.push(b"2Ddef");
        assert_eq!(screen.show(&ring).text, "adef");
    }
}
