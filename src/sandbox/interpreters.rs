//! What the kernel runs when it is told to run a file: interpreters of scripts, and the loader of a binary.
//!
//! In: programs. Out: these and every file that needs the execute right for them to start. Reads the heads of files and
//! nothing else; whether a program is approved was decided by the policy.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::paths::AbsPath;

/// The kernel looks at this many bytes of a script's first line (`BINPRM_BUF_SIZE`).
const HEAD: usize = 256;
/// Interpreters of interpreters end somewhere; the kernel gives up after 5.
const DEEPEST: usize = 8;
/// `PT_INTERP` of elf.h.
const LOADER_SEGMENT: u32 = 3;

/// `programs`, and what the kernel needs to execute in order to run them: the interpreter of a script, the program that
/// `env` would find for it in `path`, and the loader of each binary. Symlinks are resolved.
///
/// # Errors
/// A program or interpreter cannot be read; the error names it.
pub fn with_interpreters(programs: &[AbsPath], path: &[AbsPath]) -> io::Result<Vec<AbsPath>> {
    let mut found = BTreeSet::new();
    let mut wanted: Vec<(AbsPath, usize)> = programs.iter().map(|program| (program.clone(), 0)).collect();
    while let Some((program, depth)) = wanted.pop() {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("cannot read program `{program}`: {error}"));
        let real = std::fs::canonicalize(&program).map_err(named)?;
        let real = AbsPath::new(real).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        if depth > DEEPEST || !found.insert(real.clone()) {
            continue;
        }
        for next in started_by(real.as_path(), path).map_err(named)? {
            wanted.push((next, depth + 1));
        }
    }
    Ok(found.into_iter().collect())
}

/// What running this file executes next.
fn started_by(program: &Path, path: &[AbsPath]) -> io::Result<Vec<AbsPath>> {
    let mut file = File::open(program)?;
    let mut head = Vec::with_capacity(HEAD);
    Read::by_ref(&mut file).take(HEAD as u64).read_to_end(&mut head)?;
    if let Some(line) = head.strip_prefix(b"#!") {
        return Ok(of_script(line, path));
    }
    if head.starts_with(b"\x7fELF") {
        return Ok(loader(&file, &head).into_iter().collect());
    }
    Ok(Vec::new())
}

/// The interpreter that a script's first line names, and what `env` would start on its behalf.
fn of_script(line: &[u8], path: &[AbsPath]) -> Vec<AbsPath> {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let Some(interpreter) = words.next().and_then(|word| AbsPath::new(OsStr::from_bytes(word)).ok()) else {
        return Vec::new();
    };
    let mut all = vec![interpreter.clone()];
    if interpreter.file_name() == Some(OsStr::new("env")) {
        // Options (`-S`) and assignments stand before the program.
        let program = words.find(|word| !word.starts_with(b"-") && !word.contains(&b'='));
        let beside = |name: &[u8]| {
            path.iter().find_map(|dir| dir.join(OsStr::from_bytes(name)).ok().filter(|file| file.as_path().is_file()))
        };
        all.extend(program.and_then(beside));
    }
    all
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The loader that a 64-bit little-endian binary asks for.
fn loader(file: &File, head: &[u8]) -> Option<AbsPath> {
    let table = u64::from_le_bytes(number(head, 32)?);
    let (size, count) = (u16::from_le_bytes(number(head, 54)?), u16::from_le_bytes(number(head, 56)?));
    let mut segment = vec![0; usize::from(size).max(56)];
    for index in 0..u64::from(count) {
        file.read_exact_at(&mut segment, table.checked_add(index.checked_mul(u64::from(size))?)?).ok()?;
        if u32::from_le_bytes(number(&segment, 0)?) == LOADER_SEGMENT {
            let (offset, length) =
                (u64::from_le_bytes(number(&segment, 8)?), u64::from_le_bytes(number(&segment, 32)?));
            let mut name = vec![0; usize::try_from(length).ok().filter(|length| *length <= 4096)?];
            file.read_exact_at(&mut name, offset).ok()?;
            return AbsPath::new(OsStr::from_bytes(name.split(|byte| *byte == 0).next()?)).ok();
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::fs;

    use super::*;

    fn absolute(path: impl AsRef<Path>) -> AbsPath {
        AbsPath::new(path).unwrap()
    }

    #[test]
    fn a_script_brings_env_its_interpreter_and_their_loader() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        fs::write(&script, "#!/usr/bin/env -S A=1 sh -e\necho\n").unwrap();
        let path = [absolute("/nonexistent"), absolute("/bin")];
        let found = with_interpreters(&[absolute(&script)], &path).unwrap();
        let real = |path: &str| absolute(fs::canonicalize(path).unwrap());
        for wanted in [absolute(fs::canonicalize(&script).unwrap()), real("/usr/bin/env"), real("/bin/sh")] {
            assert!(found.contains(&wanted), "{wanted} is not in {found:?}");
        }
        assert!(found.iter().any(|file| file.to_string().contains("ld-")), "the loader is not in {found:?}");
    }

    #[test]
    fn rubbish_brings_nothing_and_an_absent_program_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for (why, bytes) in
            [("cut ELF", &b"\x7fELF"[..]), ("no path", b"#!  \n"), ("empty", b""), ("relative", b"#!sh\n")]
        {
            let file = dir.path().join("file");
            fs::write(&file, bytes).unwrap();
            assert_eq!(with_interpreters(&[absolute(&file)], &[]).unwrap().len(), 1, "{why}");
        }
        let error = with_interpreters(&[absolute("/nonexistent/a")], &[]).unwrap_err();
        assert!(error.to_string().contains("`/nonexistent/a`"), "{error}");
    }

    #[test]
    fn a_loop_of_interpreters_ends() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("loop");
        fs::write(&script, format!("#!{}\n", script.display())).unwrap();
        assert_eq!(with_interpreters(&[absolute(&script)], &[]).unwrap().len(), 1);
    }
}
