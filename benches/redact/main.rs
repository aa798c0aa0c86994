//! What redaction costs, next to the floor measured in the same run: the same bytes copied.
//!
//! Bars: clean log text at 1 GB/s; text full of beginnings of secrets never below 0.1 GB/s. The report prints bytes a second.

mod texts;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shellwarden::output::Redactor;

/// Bytes that a job's pipe hands over at once.
const CHUNK: usize = 64 << 10;

fn redaction(criterion: &mut Criterion) {
    // Built-in formats alone need no rule that could be refused.
    let Ok(redactor) = Redactor::builder().builtin(true).build() else { return };
    let redactor = Arc::new(redactor);
    let mut group = criterion.benchmark_group("redact");
    group.sample_size(10);
    for (name, text) in texts::all() {
        group.throughput(Throughput::BytesDecimal(text.len() as u64));
        let mut out = Vec::with_capacity(2 * CHUNK);
        group.bench_function(BenchmarkId::new("copy", name), |bencher| {
            bencher.iter(|| {
                for chunk in text.chunks(CHUNK) {
                    out.clear();
                    out.extend_from_slice(chunk);
                    black_box(&out);
                }
            });
        });
        group.bench_function(BenchmarkId::new("stream", name), |bencher| {
            bencher.iter(|| {
                let mut stream = redactor.stream();
                for chunk in text.chunks(CHUNK) {
                    out.clear();
                    stream.push(chunk, &mut out);
                    black_box(&out);
                }
                out.clear();
                stream.finish(&mut out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, redaction);
criterion_main!(benches);
