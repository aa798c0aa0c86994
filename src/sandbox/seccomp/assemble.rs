//! Turns rules about system calls into a classic BPF program.
//!
//! In: [`Rule`]s as data, in any order. Out: a [`Filter`] whose cost grows with the logarithm of their number: a
//! balanced tree over call numbers whose leaves check arguments. What to refuse is the table's business.
//!
//! INVARIANT: another architecture's calls kill the process; a number above the last known one answers ENOSYS, which
//! includes every x32 call, since their bit 30 is above any number.

use std::io;

use crate::sys::{self, Instruction};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The kernel goes on with it.
    Allow,
    /// It returns this error and does nothing.
    Errno(i32),
    /// The process ends.
    Kill,
}

/// A test on one argument; arguments are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// The lower 32 bits under a mask equal the value.
    Is {
        /// Which argument.
        argument: u8,
        /// Bits that are looked at.
        mask: u32,
        /// What they must be.
        value: u32,
    },
    /// The lower 32 bits under a mask differ from the value.
    IsNot {
        /// Which argument.
        argument: u8,
        /// Bits that are looked at.
        mask: u32,
        /// What they must not be.
        value: u32,
    },
    /// Any of the 64 bits is set: a pointer that is not null.
    Given {
        /// Which argument.
        argument: u8,
    },
}

/// What to do with one call.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its number.
    pub call: i64,
    /// Its name, for people.
    pub name: &'static str,
    /// Alternatives, each a list of tests that must all hold; no alternative at all never holds.
    pub when: &'static [&'static [Test]],
    /// What happens when an alternative holds.
    pub then: Verdict,
    /// What happens when none does.
    pub otherwise: Verdict,
    /// What the rule is for.
    pub purpose: &'static str,
}

/// Why rules make no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// Two rules speak about one call, and only one of them would count.
    #[error("two rules for system call `{0}`; merge them")]
    Twice(&'static str),
    /// A number outside the table's range.
    #[error("system call `{0}` has no number up to the last known one")]
    Number(&'static str),
    /// A branch of the tree is longer than a jump.
    #[error("the filter is too long to jump over; remove rules")]
    TooLong,
}

/// A program that the kernel runs on each system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    program: Vec<Instruction>,
}

// Offsets in `struct seccomp_data` of linux/seccomp.h, little-endian halves of the arguments.
const OFFSET_CALL: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
const OFFSET_ARGUMENTS: u32 = 16;
/// `AUDIT_ARCH_X86_64` of linux/audit.h.
pub(super) const ARCHITECTURE: u32 = 0xc000_003e;

/// Operations that the filter uses, as linux/bpf_common.h numbers them; tests name them too.
pub(super) mod op {
    pub(in super::super) const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    pub(in super::super) const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
    pub(in super::super) const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
    pub(in super::super) const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    pub(in super::super) const IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    pub(in super::super) const RETURN: u16 = 0x06; // BPF_RET | BPF_K
}

const fn step(code: u16, k: u32) -> Instruction {
    Instruction { code, jump_true: 0, jump_false: 0, k }
}

const fn branch(code: u16, k: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, k }
}

/// The value that a filter returns for a verdict.
pub(super) fn code_of(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Allow => libc::SECCOMP_RET_ALLOW,
        Verdict::Errno(errno) => libc::SECCOMP_RET_ERRNO | (errno.unsigned_abs() & libc::SECCOMP_RET_DATA),
        Verdict::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    }
}

fn finish(verdict: Verdict) -> Instruction {
    step(op::RETURN, code_of(verdict))
}

/// The bits of a word under a mask. The kernel compiles the filter for each job anew, so each instruction counts.
fn masked(offset: u32, mask: u32) -> Vec<Instruction> {
    let load = step(op::LOAD, offset);
    if mask == u32::MAX { vec![load] } else { vec![load, step(op::AND, mask)] }
}

/// Code that falls through when the test holds and skips `rest` more instructions when it does not.
fn test_code(test: Test, rest: usize) -> Result<Vec<Instruction>, AssembleError> {
    let away = u8::try_from(rest).map_err(|_| AssembleError::TooLong)?;
    let low = |argument: u8| OFFSET_ARGUMENTS + 8 * u32::from(argument);
    Ok(match test {
        Test::Is { argument, mask, value } => {
            let mut code = masked(low(argument), mask);
            code.push(branch(op::IF_EQUAL, value, 0, away));
            code
        }
        Test::IsNot { argument, mask, value } => {
            let mut code = masked(low(argument), mask);
            code.push(branch(op::IF_EQUAL, value, away, 0));
            code
        }
        Test::Given { argument } => vec![
            step(op::LOAD, low(argument)),
            branch(op::IF_EQUAL, 0, 0, 2),
            step(op::LOAD, low(argument) + 4),
            branch(op::IF_EQUAL, 0, away, 0),
        ],
    })
}

/// The leaf of one rule; every way through it returns.
fn leaf(rule: &Rule) -> Result<Vec<Instruction>, AssembleError> {
    let mut code = Vec::new();
    for alternative in rule.when {
        let mut body = vec![finish(rule.then)];
        for test in alternative.iter().rev() {
            let mut front = test_code(*test, body.len())?;
            front.append(&mut body);
            body = front;
        }
        code.append(&mut body);
    }
    code.push(finish(rule.otherwise));
    Ok(code)
}

/// A range of call numbers up to the next segment's start, and its code.
struct Segment {
    start: u32,
    code: Vec<Instruction>,
}

/// A balanced tree over the segments; the call number is in the accumulator.
fn tree(segments: &[Segment]) -> Result<Vec<Instruction>, AssembleError> {
    let (lower, upper) = segments.split_at(segments.len() / 2);
    let Some(pivot) = upper.first() else { return Ok(Vec::new()) };
    if lower.is_empty() {
        return Ok(pivot.code.clone());
    }
    let mut below = tree(lower)?;
    let mut above = tree(upper)?;
    let mut code = match u8::try_from(below.len()) {
        Ok(over) => vec![branch(op::IF_AT_LEAST, pivot.start, over, 0)],
        Err(_) => {
            let over = u32::try_from(below.len()).map_err(|_| AssembleError::TooLong)?;
            vec![branch(op::IF_AT_LEAST, pivot.start, 0, 1), step(op::JUMP, over)]
        }
    };
    code.append(&mut below);
    code.append(&mut above);
    Ok(code)
}

impl Filter {
    /// Allows every call up to `last` but for the rules.
    ///
    /// # Errors
    /// Rules that contradict each other or name no call.
    pub fn assemble(rules: &[Rule], last: u32) -> Result<Self, AssembleError> {
        let mut sorted: Vec<(u32, &Rule)> = Vec::with_capacity(rules.len());
        for rule in rules {
            let number = u32::try_from(rule.call).ok().filter(|number| *number <= last);
            sorted.push((number.ok_or(AssembleError::Number(rule.name))?, rule));
        }
        sorted.sort_by_key(|(number, _)| *number);
        let mut segments: Vec<Segment> = Vec::new();
        let mut next = 0;
        for (number, rule) in sorted {
            if number < next {
                return Err(AssembleError::Twice(rule.name));
            }
            if number > next {
                segments.push(Segment { start: next, code: vec![finish(Verdict::Allow)] });
            }
            segments.push(Segment { start: number, code: leaf(rule)? });
            next = number + 1;
        }
        if next <= last {
            segments.push(Segment { start: next, code: vec![finish(Verdict::Allow)] });
        }
        segments.push(Segment { start: last + 1, code: vec![finish(Verdict::Errno(libc::ENOSYS))] });
        // Neighbours that do the same need no branch between them.
        segments.dedup_by(|after, before| after.code == before.code);
        let mut program = vec![
            step(op::LOAD, OFFSET_ARCHITECTURE),
            branch(op::IF_EQUAL, ARCHITECTURE, 1, 0),
            finish(Verdict::Kill),
            step(op::LOAD, OFFSET_CALL),
        ];
        program.append(&mut tree(&segments)?);
        Ok(Self { program })
    }

    /// The instructions.
    pub fn program(&self) -> &[Instruction] {
        &self.program
    }

    /// Puts the filter in force for this process and all it will start; no_new_privs must be set.
    ///
    /// # Errors
    /// What `seccomp(2)` answers.
    pub fn install(&self) -> io::Result<()> {
        sys::install_filter(&self.program)
    }
}
