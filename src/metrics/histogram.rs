//! How long something took, counted in buckets.
//!
//! In: durations. Out: lines of a Prometheus histogram.

use std::fmt::{self, Write};
use std::time::Duration;

/// Upper ends of the buckets, in microseconds: from a decision on a plain line to a launch on a busy machine.
const ENDS: [u64; 14] =
    [25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [u64; ENDS.len()],
    count: u64,
    micros: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // Each bucket of the text holds all below it.
        for (bucket, end) in self.buckets.iter_mut().zip(ENDS) {
            *bucket += u64::from(micros <= end);
        }
        self.count += 1;
        self.micros = self.micros.saturating_add(micros);
    }

    pub(super) fn write(&self, name: &str, text: &mut String) -> fmt::Result {
        for (bucket, end) in self.buckets.iter().zip(ENDS) {
            writeln!(text, "{name}_bucket{{le=\"{}\"}} {bucket}", Duration::from_micros(end).as_secs_f64())?;
        }
        writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", self.count)?;
        writeln!(text, "{name}_sum {}", Duration::from_micros(self.micros).as_secs_f64())?;
        writeln!(text, "{name}_count {}", self.count)
    }
}
