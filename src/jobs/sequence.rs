//! In which order the two streams of a job were written.
//!
//! In: a note for each chunk that arrived. Out: runs, each the next bytes of one stream. Only positions are kept, one for
//! each change from one stream to the other, and of these the newest; what the bytes are is the rings' matter. Bytes that redaction holds back count
//! from when it lets them go.

use std::collections::VecDeque;

use super::stream::Channel;

/// Changes between the streams that are remembered: 256 KiB of memory at most.
const MARKS: usize = 16 << 10;

/// The next bytes of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Which stream.
    pub channel: Channel,
    /// The position after them in that stream.
    pub until: u64,
    /// Whether they came before the next run; false where that is no longer known.
    pub ordered: bool,
}

/// The newest runs, and how far those that were forgotten went.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    runs: VecDeque<(Channel, u64)>,
    forgotten: [u64; 2],
}

impl Sequence {
    /// Bytes of one stream are there up to this position.
    pub(super) fn note(&mut self, channel: Channel, until: u64) {
        match self.runs.back_mut() {
            Some((last, end)) if *last == channel => *end = until,
            _ => self.runs.push_back((channel, until)),
        }
        if self.runs.len() > MARKS
            && let Some((channel, end)) = self.runs.pop_front()
        {
            let [stdout, stderr] = &mut self.forgotten;
            *(if channel == Channel::Stdout { stdout } else { stderr }) = end;
        }
    }

    /// All runs, oldest first. What is older than the memory comes as one run of each stream.
    pub(super) fn runs(&self) -> Vec<Run> {
        let [stdout, stderr] = self.forgotten;
        let old = [(Channel::Stdout, stdout), (Channel::Stderr, stderr)];
        let old = old.into_iter().map(|(channel, until)| Run { channel, until, ordered: false });
        let known = self.runs.iter().map(|&(channel, until)| Run { channel, until, ordered: true });
        old.filter(|run| run.until > 0).chain(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_one_stream_make_one_run() {
        let mut sequence = Sequence::default();
        for (channel, until) in [(Channel::Stdout, 3), (Channel::Stdout, 5), (Channel::Stderr, 2), (Channel::Stdout, 6)]
        {
            sequence.note(channel, until);
        }
        let known = |channel, until| Run { channel, until, ordered: true };
        let want = [known(Channel::Stdout, 5), known(Channel::Stderr, 2), known(Channel::Stdout, 6)];
        assert_eq!(sequence.runs(), want);
    }

    #[test]
    fn an_endless_alternation_forgets_the_oldest_order_and_says_so() {
        let mut sequence = Sequence::default();
        for at in 1..=MARKS as u64 {
            sequence.note(Channel::Stdout, at);
            sequence.note(Channel::Stderr, at * 2);
        }
        let runs = sequence.runs();
        let half = MARKS as u64 / 2;
        assert_eq!(runs.len(), MARKS + 2);
        let old = |channel, until| Run { channel, until, ordered: false };
        assert_eq!(runs.get(..2), Some([old(Channel::Stdout, half), old(Channel::Stderr, half * 2)].as_slice()));
        assert_eq!(runs.get(2), Some(&Run { channel: Channel::Stdout, until: half + 1, ordered: true }));
    }
}
