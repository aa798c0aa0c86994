//! `redact`: stdin to stdout through the same stream as a job's output.
//!
//! In: any bytes. Out: the bytes without secrets; 0, or 2 when reading or writing fails.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use super::args::Redact;
use super::setup::{Failure, tell};
use crate::output::Redactor;

/// Bytes of one read.
const READ: usize = 64 << 10;

pub(super) fn redact(arguments: &Redact) -> Result<ExitCode, Failure> {
    let redactor = Redactor::builder().builtin(true).build().map_err(|error| Failure::new(error).code(2))?;
    let mut stream = Arc::new(redactor).stream();
    let copied = copy(&mut io::stdin().lock(), &mut io::stdout().lock(), |chunk, out| match chunk {
        Some(chunk) => stream.push(chunk, out),
        None => stream.finish(out),
    });
    match copied {
        Ok(()) => {}
        // The reader has all it wanted, as with any filter.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => return Err(Failure::new(format!("redact: {error}")).code(2)),
    }
    if arguments.stats {
        for (rule, count) in stream.counts() {
            tell(&format!("{rule}: {count}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads to the end, passing each chunk on as soon as it came.
fn copy(
    input: &mut impl Read,
    output: &mut impl Write,
    mut filter: impl FnMut(Option<&[u8]>, &mut Vec<u8>),
) -> io::Result<()> {
    let mut raw = vec![0; READ];
    let mut clean = Vec::new();
    loop {
        let count = match input.read(&mut raw) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        filter(raw.get(..count).filter(|chunk| !chunk.is_empty()), &mut clean);
        output.write_all(&clean)?;
        output.flush()?;
        clean.clear();
        if count == 0 {
            return Ok(());
        }
    }
}
