//! What analysis hands to the policy: commands, redirections and assignments, flat.
//!
//! In: nothing, these are plain data. Out: the same. Which of them may run is decided in `policy`.

use crate::diag::Span;

/// A word after quoting and every expansion that analysis can do itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Word {
    /// Exactly this text, one argument.
    Known(String),
    /// A pathname pattern that the shell expands against the disk when the command runs.
    Glob(Glob),
    /// Not to be known before the command runs.
    Unknown(Unknown),
    /// `<( )` or `>( )`: the path of a pipe to commands, which are judged apart.
    Pipe(PipeEnd),
}

/// What a command may do with the pipe of a process substitution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PipeEnd {
    /// `<( )`: read what the commands print.
    Read,
    /// `>( )`: write what the commands read.
    Write,
}

impl PipeEnd {
    /// The operator before the parenthesis.
    pub(super) fn operator(self) -> char {
        match self {
            Self::Read => '<',
            Self::Write => '>',
        }
    }
}

/// A pathname pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    /// The pattern as the shell reads it; quoted special characters are escaped with a backslash.
    pub pattern: String,
    /// Its longest leading text without a special character, escapes removed.
    pub literal_prefix: String,
    /// True when it may become several words; false for the quoted value of a loop over a pattern.
    pub splits: bool,
}

/// A word whose text analysis cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unknown {
    /// Why, in the words of a message: "the output of a command substitution".
    pub reason: String,
    /// True when it is unquoted, so that it may become several words, or none.
    pub splits: bool,
    /// The text that it starts with for certain: `--file=` of `--file="$X"`.
    pub literal_prefix: String,
}

impl Word {
    /// The text, when it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Glob(_) | Self::Unknown(_) | Self::Pipe(_) => None,
        }
    }
}

/// One program position in the tree, where rendering puts the resolved path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(super) usize);

/// What the first word of a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Head {
    /// A program, to be resolved to a file and rendered as its path.
    Program(Slot),
    /// A shell builtin of the whitelist; its name is rendered as it is.
    Builtin,
    /// A program of another machine or of a container; it is judged by its name, and rendered as it is.
    Elsewhere,
}

/// The working directory of a command, as far as the line tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cwd {
    /// The start directory, then each of these `cd` targets in turn; none means no `cd` came before. It is rendered as
    /// `cd -P`, so each step follows the links of the file system: `..` is the parent of where a link led.
    Moved(Vec<String>),
    /// An earlier `cd` cannot be followed; the text says why.
    Unknown(String),
}

/// One command to judge. A command inside a loop over known values appears once for each value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command {
    /// The program first. Never empty.
    pub words: Vec<Word>,
    /// Program or builtin.
    pub head: Head,
    /// Wrappers around it, outermost first, as typed: `["env", "nice"]`.
    pub via: Vec<String>,
    /// Where it runs.
    pub cwd: Cwd,
    /// A shell that reads what it runs from a pipe, a file or text of the line, which is not followed.
    pub reads_commands: bool,
    /// Its bytes in the received text.
    pub span: Span,
}

impl Command {
    /// Is any of its words not known before it runs? A pattern is known: the policy judges what it can reach. So is a
    /// pipe, whose path is a name of the shell's for a descriptor.
    pub fn has_unknown(&self) -> bool {
        self.words.iter().any(|word| matches!(word, Word::Unknown(_)))
    }
}

/// How a redirection opens its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedirectOp {
    /// `<`
    Read,
    /// `>` and `>|`
    Write,
    /// `>>`
    Append,
    /// `<>`
    ReadWrite,
    /// `&>`: standard output and standard error
    WriteBoth,
    /// `&>>`
    AppendBoth,
    /// `<&` and `>&` with a descriptor, `-` included
    Duplicate,
    /// `<<`, `<<-` and `<<<`: text that comes with the line
    Text,
}

/// What a redirection leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A file, by a word that the policy judges.
    File(Word),
    /// Another descriptor, closing, or text of the line itself: nothing outside the job is touched.
    Inside,
}

/// One redirection, of a simple or of a compound command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Redirect {
    /// Operator.
    pub op: RedirectOp,
    /// The descriptor that changes.
    pub fd: u32,
    /// Where it leads.
    pub target: Target,
    /// Directory that a relative target starts from.
    pub cwd: Cwd,
    /// Its bytes in the received text.
    pub span: Span,
}

/// A file that `test` or `[[ ]]` looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Probe {
    /// The file.
    pub file: Word,
    /// Directory that a relative name starts from.
    pub cwd: Cwd,
    /// Its bytes in the received text.
    pub span: Span,
}

/// Whom an assignment reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The shell alone, unless the environment has a variable of that name without the analysis knowing its value.
    Shell,
    /// A program, through its environment.
    Environment,
}

/// One assignment: before a command, alone, by `for` or `read`, or made by a wrapper such as `env`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: Word,
    /// Whom it reaches.
    pub scope: Scope,
    /// Its bytes in the received text.
    pub span: Span,
}
