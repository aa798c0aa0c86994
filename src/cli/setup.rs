//! What `serve`, `run`, `explain` and `doctor` do first: find the places, load the policy, build the engine.
//!
//! In: the arguments and this process's environment. Out: a loaded policy, an engine, or a [`Failure`] with its text.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::OURS;
use super::args::Places;
use crate::engine::{Engine, Front, Loader};
use crate::launcher::{Helper, Launcher};
use crate::paths::AbsPath;
use crate::policy::{self, Loaded, Narrowing, Origin, Variables};

/// The preset that holds when no policy is named.
const DEFAULT_POLICY: &str = "builtin:workspace";

/// Why a subcommand ended early: a text for the person and an exit code.
#[derive(Debug)]
pub(super) struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    /// A failure of ours.
    pub(super) fn new(text: impl ToString) -> Self {
        Self { text: text.to_string(), code: OURS }
    }

    /// The same with another exit code.
    pub(super) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Prints it and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        tell(&self.text);
        ExitCode::from(self.code)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Prints a line of ours on stderr.
pub(super) fn tell(text: &str) {
    // Nothing is left to tell when stderr is gone.
    let _ = writeln!(io::stderr().lock(), "shellwarden: {text}");
}

/// The places of one run, resolved.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) variables: Variables,
    pub(super) origin: Origin,
    pub(super) narrowing: Narrowing,
}

impl Site {
    /// Finds workspace, state and policy.
    pub(super) fn find(places: &Places) -> Result<Self, Failure> {
        let workspace = workspace(places.workspace.as_deref())?;
        let state = state(places.state.clone(), &workspace)?;
        let variables = variables(workspace, state);
        let origin = origin(places.policy.as_deref().unwrap_or(DEFAULT_POLICY))?;
        Ok(Self { variables, origin, narrowing: Narrowing::default() })
    }

    /// The same, with policies narrowed whenever they are loaded.
    pub(super) fn narrowed(self, narrowing: Narrowing) -> Self {
        Self { narrowing, ..self }
    }

    /// Loads the policy; warnings go to stderr.
    pub(super) fn load(&self) -> Result<policy::Policy, Failure> {
        let Loaded { policy, warnings } = policy::load(&self.origin, &self.variables)
            .map_err(|problems| Failure::new(format!("the policy cannot be used; nothing was started\n{problems}")))?;
        if !warnings.is_empty() {
            tell(&format!("the policy has warnings\n{warnings}"));
        }
        policy.narrow(&self.narrowing).map_err(|wide| Failure::new(format!("{wide}; nothing was started")))
    }
}

/// Reads a policy again while a server runs.
pub(super) fn loader(origin: Origin, variables: Variables, narrowing: Narrowing) -> Loader {
    Loader::new(move || {
        let loaded = policy::load(&origin, &variables);
        let policy = loaded.map_err(|problems| format!("the policy cannot be used\n{problems}"))?.policy;
        policy.narrow(&narrowing).map_err(|wide| wide.to_string())
    })
}

/// Connects the launcher and builds the engine. Must be called inside a tokio runtime.
pub(super) async fn engine(policy: policy::Policy, helper: Helper, front: Front) -> Result<Engine, Failure> {
    let launcher = match Launcher::connect(helper).await {
        Ok(launcher) => launcher,
        Err(error) => {
            let text = format!("nothing was started: {error}");
            Engine::record_refusal(&policy, &error)
                .map_err(|unwritten| Failure::new(format!("{text}; {unwritten}")))?;
            return Err(Failure::new(text));
        }
    };
    Engine::build(policy, launcher, front).map_err(Failure::new)
}

/// `--workspace`, else the client's project directory, else the current directory; it must exist.
pub(super) fn workspace(named: Option<&Path>) -> Result<AbsPath, Failure> {
    let project = env::var_os("CLAUDE_PROJECT_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let dir = match named.map(Path::to_path_buf).or(project) {
        Some(dir) => dir,
        None => env::current_dir().map_err(|error| Failure::new(format!("no current directory: {error}")))?,
    };
    let real = std::fs::canonicalize(&dir)
        .map_err(|error| Failure::new(format!("workspace `{}`: {error}; name one with --workspace", dir.display())))?;
    if !real.is_dir() {
        return Err(Failure::new(format!("workspace `{}` is no directory; name one with --workspace", dir.display())));
    }
    AbsPath::new(real).map_err(Failure::new)
}

/// What policies may refer to.
pub(super) fn variables(workspace: AbsPath, state: AbsPath) -> Variables {
    let home = env::var_os("HOME").and_then(|home| AbsPath::new(home).ok());
    // A variable that is not UTF-8 cannot be named by a policy, so no job gets it.
    let environment: BTreeMap<_, _> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Variables { workspace, home, state, environment }
}

/// `builtin:NAME` or a file.
pub(super) fn origin(name: &str) -> Result<Origin, Failure> {
    if let Some(builtin) = name.strip_prefix("builtin:") {
        return Ok(Origin::Builtin(builtin.to_owned()));
    }
    let path = std::path::absolute(name).map_err(|error| Failure::new(format!("policy `{name}`: {error}")))?;
    AbsPath::new(path).map(Origin::File).map_err(Failure::new)
}

/// The first of the places for state that can be made, with a folder for this workspace below it.
fn state(named: Option<PathBuf>, workspace: &AbsPath) -> Result<AbsPath, Failure> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = named
        .or_else(|| set("SHELLWARDEN_STATE_DIR"))
        .or_else(|| set("XDG_STATE_HOME").map(|dir| dir.join("shellwarden")))
        .or_else(|| set("HOME").map(|home| home.join(".local/state/shellwarden")));
    let advice = "name a writable directory with --state or $SHELLWARDEN_STATE_DIR";
    let base = base.ok_or_else(|| Failure::new(format!("no place for state; {advice}")))?;
    let base = std::path::absolute(&base).map_err(Failure::new)?;
    let state = AbsPath::new(base.join(workspace_folder(workspace))).map_err(Failure::new)?;
    crate::engine::make_state(&state)
        .map_err(|error| Failure::new(format!("state directory `{state}`: {error}; {advice}")))?;
    Ok(state)
}

/// A folder name that tells two workspaces apart and a person which it is.
fn workspace_folder(workspace: &AbsPath) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(workspace.as_os_str().as_encoded_bytes());
    let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let name = workspace.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(40).collect();
    format!("{name}-{short}")
}

/// The protocol library warns of each request that it answers with an error, which hosts would show to people.
const QUIET: &str = "warn,rmcp=error";
/// Below this, the shell parser and the protocol library log whole commands with whatever is secret in them.
const LIBRARIES: tracing::Level = tracing::Level::WARN;
/// Log lines of ours go to stderr, one line an event; `SHELLWARDEN_LOG` sets what is shown, warnings by default.
pub(super) fn log_to_stderr() {
    use tracing_subscriber::filter::{FilterExt, filter_fn};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    use tracing_subscriber::{EnvFilter, Layer};
    let wanted = EnvFilter::try_from_env("SHELLWARDEN_LOG").unwrap_or_else(|_| EnvFilter::new(QUIET));
    let harmless = filter_fn(|about| about.target().starts_with("shellwarden") || *about.level() <= LIBRARIES);
    let format = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    // Set twice only when a test does so; the first stays.
    let _ = tracing_subscriber::registry().with(format.with_filter(wanted.and(harmless))).try_init();
}
