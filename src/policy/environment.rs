//! The environment of jobs, made from an empty one.
//!
//! In: the `env` part of a policy and the server's environment. Out: what each job gets, what a caller may add, and the
//! values to mask. Variables that make a loader, an interpreter or a tool run other code never pass by a pattern, a
//! request or an assignment: an operator can only set them by name and value, under `env.set`.

use std::collections::BTreeMap;

use super::variables::Variables;
use super::wildcard;
use super::yaml::Node;
use crate::diag::Problems;

/// Variables that change which code runs. Sources: ld.so(8), bash(1), git(1) "Environment Variables", less(1), man(1),
/// python(1), perlrun(1), node(1), make(1), `cargo help environment-variables`, `go help environment`, tar(1), rg(1).
const INJECTION: &[&str] = &[
    "LD_*",
    "DYLD_*",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    "LOCPATH",
    "NLSPATH",
    "MALLOC_*",
    "RES_OPTIONS",
    "HOSTALIASES",
    "BASH*",
    "ENV",
    "SHELLOPTS",
    "PS4",
    "PS0",
    "PROMPT_COMMAND",
    "IFS",
    "CDPATH",
    "GLOBIGNORE",
    "EXECIGNORE",
    "TMPDIR",
    "FCEDIT",
    "HISTFILE",
    "INPUTRC",
    "POSIXLY_CORRECT",
    "ZDOTDIR",
    "GIT_SSH*",
    "GIT_EXEC_PATH",
    "GIT_CONFIG*",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE*",
    "GIT_TEMPLATE_DIR",
    "GIT_PAGER",
    "GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_ASKPASS",
    "GIT_PROXY_*",
    "GIT_ATTR_*",
    "GIT_TRACE*",
    "GIT_REDIRECT_*",
    "GIT_ALLOW_PROTOCOL",
    "PAGER",
    "*_PAGER",
    "MANPAGER",
    "MANOPT",
    "MANPATH",
    "LESS",
    "LESSOPEN",
    "LESSCLOSE",
    "LESSKEY*",
    "LESSSECURE",
    "MORE",
    "EDITOR",
    "VISUAL",
    "*_EDITOR",
    "BROWSER",
    "SSH_ASKPASS*",
    "SUDO_ASKPASS",
    "SUDO_EDITOR",
    "RSYNC_RSH",
    "CVS_RSH",
    "RIPGREP_CONFIG_PATH",
    "FZF_*",
    "FD_*",
    "JQ_*",
    "TAR_OPTIONS",
    "TAPE",
    "GREP_OPTIONS",
    "GZIP",
    "XZ_OPT",
    "XZ_DEFAULTS",
    "ZIPOPT",
    "UNZIP",
    "ZSTD_*",
    "BZIP2",
    "WGETRC",
    "CURL_HOME",
    "MAKEFLAGS",
    "MFLAGS",
    "GNUMAKEFLAGS",
    "MAKEFILES",
    "MAKE",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_*",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_*",
    "npm_config_*",
    "npm_*",
    "YARN_*",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONBREAKPOINT",
    "PYTHONEXECUTABLE",
    "PYTHONWARNINGS",
    "PYTHONUSERBASE",
    "PYTHONPLATLIBDIR",
    "PYTHONPYCACHEPREFIX",
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "PIP_*",
    "VIRTUAL_ENV",
    "PERL5*",
    "PERLLIB",
    "PERL_*",
    "RUBYOPT",
    "RUBYLIB",
    "BUNDLE_*",
    "GEM_*",
    "LUA_INIT*",
    "LUA_PATH*",
    "LUA_CPATH*",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "R_PROFILE*",
    "JULIA_*",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "CLASSPATH",
    "MAVEN_*",
    "GRADLE_*",
    "ANT_*",
    "SBT_*",
    "GOFLAGS",
    "GOENV",
    "GOTOOLDIR",
    "GOROOT",
    "GOPATH",
    "GOBIN",
    "GOTOOLCHAIN",
    "GOPROXY",
    "GOINSECURE",
    "GONOSUM*",
    "CGO_*",
    "RUSTC",
    "RUSTC_*",
    "RUSTDOC*",
    "RUSTFLAGS",
    "RUSTUP_*",
    "CARGO",
    "CARGO_*",
    "CC",
    "CXX",
    "CPP",
    "LD",
    "AR",
    "AS",
    "NM",
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "COMPILER_PATH",
    "GCC_*",
    "LIBRARY_PATH",
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "PKG_CONFIG*",
    "CMAKE_*",
    "CTEST_*",
    "DOCKER_*",
    "KUBECONFIG",
    "AWK*",
    "TERMINFO*",
    "TERMCAP",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "OPENSSL_ENGINES",
    "GTK_*",
    "QT_*",
    "XDG_*",
    "SHELL",
    "*_proxy",
    "*_PROXY",
];
/// Members of the families above that carry no code.
const HARMLESS: &[&str] =
    &["CARGO_TERM_*", "CARGO_INCREMENTAL", "CARGO_NET_OFFLINE", "RUSTUP_TOOLCHAIN", "XDG_RUNTIME_DIR"];
/// Variables that the policy fixes; nobody may replace them for one command.
const FIXED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "PWD", "OLDPWD", "UID", "EUID"];
/// Searched when the policy neither inherits nor sets one.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Can this variable make another program run?
pub(super) fn injects(name: &str) -> bool {
    wildcard::any(INJECTION.iter().copied(), name) && !wildcard::any(HARMLESS.iter().copied(), name)
}

/// Why a caller or a command line may never set this variable.
pub(super) fn never_set(name: &str) -> Option<String> {
    if injects(name) {
        return Some(format!("`{name}` can make a program run other code"));
    }
    FIXED.contains(&name).then(|| format!("`{name}` is fixed by the policy"))
}

/// What jobs get.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    base: BTreeMap<String, String>,
    request: Vec<String>,
    secrets: Vec<(String, String)>,
}

fn texts(node: &Node, path: &str) -> Vec<String> {
    node.at(path).map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned).collect()
}

impl Environment {
    /// Reads the `env` part.
    pub(super) fn read(node: &Node, variables: &Variables, problems: &mut Problems) -> Self {
        let patterns = |path| texts(node, path);
        let (inherit, scrub, request) = (patterns("env.inherit"), patterns("env.scrub"), patterns("env.request"));
        for path in ["env.inherit", "env.request"] {
            refuse_named(node, path, problems);
        }
        let any = |patterns: &[String], name: &str| wildcard::any(patterns.iter().map(String::as_str), name);
        let mut base = BTreeMap::new();
        let mut secrets = Vec::new();
        for (name, value) in &variables.environment {
            if any(&scrub, name) {
                secrets.push((name.clone(), value.clone()));
            } else if any(&inherit, name) && !injects(name) {
                base.insert(name.clone(), value.clone());
            }
        }
        base.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
        for entry in node.at("env.set").map_or(&[][..], Node::entries) {
            match variables.text(entry.node.text().unwrap_or("")) {
                Ok(value) => drop(base.insert(entry.key.clone(), value)),
                Err(why) => problems.push(entry.node.error("wrong-path", why)),
            }
        }
        Self { base, request, secrets }
    }

    /// The directories of PATH, as text.
    pub(super) fn path(&self) -> impl Iterator<Item = &str> {
        self.base.get("PATH").map_or("", String::as_str).split(':')
    }

    /// Replaces PATH by these directories.
    pub(super) fn set_path(&mut self, path: String) {
        self.base.insert("PATH".into(), path);
    }

    /// The environment with what a caller asks for.
    ///
    /// # Errors
    /// The first variable that a caller may not set, in words.
    pub(super) fn with(&self, asked: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
        let mut all = self.base.clone();
        for (name, value) in asked {
            let known = wildcard::any(self.request.iter().map(String::as_str), name);
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(format!("`{}` is no name of a variable", name.escape_debug()));
            }
            if let Some(why) = never_set(name) {
                return Err(why);
            }
            if !known {
                return Err(format!("the policy does not let a caller set `{name}`"));
            }
            all.insert(name.clone(), value.clone());
        }
        Ok(all)
    }

    /// What a caller may ask for.
    pub(super) fn requestable(&self) -> &[String] {
        &self.request
    }

    /// Scrubbed variables with their values.
    pub(super) fn secrets(&self) -> &[(String, String)] {
        &self.secrets
    }
}

/// A pattern leaves such variables out; naming one is a mistake to tell.
fn refuse_named(node: &Node, path: &str, problems: &mut Problems) {
    for item in node.at(path).map_or(&[][..], Node::items) {
        let name = item.text().unwrap_or("");
        if !name.contains('*') && injects(name) {
            let message = format!("`{name}` can make a program run other code, and never passes by `{path}`");
            problems.push(item.error("injection-variable", message).advise("give it a value under `env.set`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_carry_code_are_known() {
        let carriers =
            ["LD_PRELOAD", "BASH_ENV", "GIT_SSH_COMMAND", "PYTHONPATH", "NODE_OPTIONS", "BASH_FUNC_ls%%", "PS4"];
        for name in carriers {
            assert!(injects(name), "{name}");
        }
        for name in [
            "LANG",
            "LC_ALL",
            "RUST_LOG",
            "CI",
            "NO_COLOR",
            "PYTHONUNBUFFERED",
            "GIT_AUTHOR_NAME",
            "TERM",
            "CARGO_TERM_COLOR",
        ] {
            assert!(!injects(name), "{name}");
        }
        assert!(never_set("PATH").is_some(), "fixed, though it may be inherited");
    }
}
