//! `toolchains`: the homes of compilers, interpreters and version managers, found when the policy is loaded.
//!
//! In: names of toolchains, the server's environment, the disk. Out: trees that jobs may read and execute, files in them
//! that stay hidden because they hold credentials, variables by which programs find their homes, directories for PATH.
//! Only named parts of a home are granted, so that what a tool stores there tomorrow is not.

use super::variables::{Disk, Variables, expand};
use crate::diag::Problem;
use crate::paths::AbsPath;

/// One home of a toolchain.
struct Home {
    /// The toolchain that it belongs to, one of [`NAMES`]; version managers serve `any`.
    of: &'static str,
    /// The variable that names it; empty when there is none.
    variable: &'static str,
    /// Where it is when the variable does not say.
    places: &'static [&'static str],
    /// What is granted below it to be read and executed; an empty text stands for all of it.
    execute: &'static [&'static str],
    /// What is granted below it to be read.
    read: &'static [&'static str],
    /// What below it holds credentials.
    secret: &'static [&'static str],
    /// Directories below it that belong into PATH.
    path: &'static [&'static str],
    /// Jobs get the variable: their HOME is another one.
    told: bool,
}

/// The toolchains that a policy may name.
pub(super) const NAMES: &[&str] = &["rustup", "node", "python", "go", "ruby", "java", "deno", "bun"];

const NOTHING: Home =
    Home { of: "any", variable: "", places: &[], execute: &[], read: &[], secret: &[], path: &[], told: false };

const HOMES: &[Home] = &[
    Home {
        of: "rustup",
        variable: "CARGO_HOME",
        places: &["{home}/.cargo", "/usr/local/cargo"],
        execute: &["bin", "registry", "git"],
        read: &["config.toml", "config", "env"],
        secret: &["credentials", "credentials.toml"],
        path: &["bin"],
        told: true,
    },
    Home {
        of: "rustup",
        variable: "RUSTUP_HOME",
        places: &["{home}/.rustup", "/usr/local/rustup"],
        // A linked toolchain lies elsewhere.
        execute: &["toolchains", "toolchains/*"],
        read: &["settings.toml"],
        told: true,
        ..NOTHING
    },
    Home {
        of: "node",
        variable: "NVM_DIR",
        places: &["{home}/.nvm", "/usr/local/nvm", "/usr/local/share/nvm"],
        execute: &["versions"],
        read: &["alias", "nvm.sh"],
        secret: &["versions/node/*/etc/npmrc"],
        ..NOTHING
    },
    Home {
        of: "node",
        variable: "VOLTA_HOME",
        places: &["{home}/.volta"],
        execute: &["bin", "tools"],
        read: &["layout.v*", "hooks.json"],
        path: &["bin"],
        told: true,
        ..NOTHING
    },
    Home {
        of: "node",
        variable: "FNM_DIR",
        places: &["{home}/.local/share/fnm", "{home}/.fnm"],
        execute: &["node-versions", "aliases"],
        ..NOTHING
    },
    Home { of: "node", variable: "N_PREFIX", places: &["{home}/n"], execute: &["bin", "lib", "n"], ..NOTHING },
    Home {
        of: "node",
        variable: "NODENV_ROOT",
        places: &["{home}/.nodenv"],
        execute: &["versions", "shims", "bin", "libexec", "plugins"],
        read: &["version"],
        told: true,
        ..NOTHING
    },
    Home {
        of: "node",
        variable: "PNPM_HOME",
        places: &["{home}/.local/share/pnpm"],
        execute: &["*"],
        secret: &["rc", "config/rc"],
        ..NOTHING
    },
    Home { of: "node", places: &["{home}/.npm-{global,packages}"], execute: &["bin", "lib"], ..NOTHING },
    Home {
        of: "node",
        places: &["{home}"],
        secret: &[".npmrc", ".yarnrc", ".yarnrc.yml", ".config/pnpm/rc"],
        ..NOTHING
    },
    Home { of: "node", places: &["/etc", "/usr/etc", "/usr/local/etc"], secret: &["npmrc"], ..NOTHING },
    Home {
        of: "python",
        variable: "PYENV_ROOT",
        places: &["{home}/.pyenv", "/usr/local/pyenv", "/opt/pyenv"],
        execute: &["versions", "shims", "bin", "libexec", "plugins", "pyenv.d"],
        read: &["version"],
        told: true,
        ..NOTHING
    },
    Home {
        of: "python",
        variable: "CONDA_PREFIX",
        places: &["{home}/{miniconda3,anaconda3,miniforge3,mambaforge}", "/opt/conda"],
        execute: &[""],
        secret: &[".condarc"],
        ..NOTHING
    },
    Home { of: "python", variable: "VIRTUAL_ENV", execute: &[""], secret: &["pip.conf"], ..NOTHING },
    Home {
        of: "python",
        places: &["{home}/.local/share/{uv,pipx}", "{home}/.local/pipx"],
        execute: &["python", "tools", "venvs", "shared"],
        secret: &["credentials"],
        ..NOTHING
    },
    Home { of: "python", places: &["{home}/.local"], execute: &["bin", "lib"], path: &["bin"], ..NOTHING },
    Home {
        of: "python",
        places: &["{home}"],
        secret: &[
            ".pypirc",
            ".netrc",
            ".condarc",
            ".pip/pip.conf",
            ".config/pip/pip.conf",
            ".config/pypoetry/auth.toml",
            ".local/share/python_keyring",
        ],
        ..NOTHING
    },
    Home { of: "python", places: &["/etc"], secret: &["pip.conf"], ..NOTHING },
    Home { of: "go", variable: "GOROOT", places: &["/usr/local/go"], execute: &[""], path: &["bin"], ..NOTHING },
    Home {
        of: "go",
        variable: "GOPATH",
        places: &["{home}/go"],
        execute: &["bin", "pkg"],
        path: &["bin"],
        told: true,
        ..NOTHING
    },
    Home { of: "go", variable: "GOMODCACHE", read: &[""], told: true, ..NOTHING },
    Home { of: "go", places: &["{home}"], execute: &["sdk"], secret: &[".netrc", ".config/go/env"], ..NOTHING },
    Home {
        of: "ruby",
        variable: "RBENV_ROOT",
        places: &["{home}/.rbenv", "/usr/local/rbenv"],
        execute: &["versions", "shims", "bin", "libexec", "plugins"],
        read: &["version"],
        told: true,
        ..NOTHING
    },
    Home {
        of: "ruby",
        variable: "rvm_path",
        places: &["{home}/.rvm", "/usr/local/rvm"],
        execute: &["rubies", "gems", "bin", "wrappers", "environments"],
        ..NOTHING
    },
    Home {
        of: "ruby",
        variable: "GEM_HOME",
        places: &["{home}/.gem", "{home}/.local/share/gem"],
        execute: &["ruby", "bin"],
        secret: &["credentials"],
        ..NOTHING
    },
    Home { of: "ruby", places: &["{home}"], secret: &[".bundle/config", ".netrc"], ..NOTHING },
    Home { of: "java", variable: "JAVA_HOME", execute: &[""], told: true, ..NOTHING },
    Home { of: "java", variable: "SDKMAN_DIR", places: &["{home}/.sdkman"], execute: &["candidates"], ..NOTHING },
    Home { of: "java", places: &["{home}"], execute: &[".jdks"], ..NOTHING },
    Home {
        of: "java",
        places: &["{home}/.m2"],
        execute: &["wrapper"],
        read: &["repository"],
        secret: &["settings.xml", "settings-security.xml"],
        ..NOTHING
    },
    Home {
        of: "java",
        variable: "GRADLE_USER_HOME",
        places: &["{home}/.gradle"],
        execute: &["wrapper", "caches", "jdks", "native"],
        secret: &["gradle.properties"],
        ..NOTHING
    },
    Home {
        of: "deno",
        variable: "DENO_INSTALL",
        places: &["{home}/.deno"],
        execute: &["bin"],
        path: &["bin"],
        ..NOTHING
    },
    Home {
        of: "bun",
        variable: "BUN_INSTALL",
        places: &["{home}/.bun"],
        execute: &["bin", "install"],
        path: &["bin"],
        ..NOTHING
    },
    Home { of: "bun", places: &["{home}"], secret: &[".bunfig.toml", ".npmrc"], ..NOTHING },
    Home {
        variable: "ASDF_DATA_DIR",
        places: &["{home}/.asdf"],
        execute: &["installs", "shims", "plugins", "bin", "lib"],
        read: &["asdf.sh"],
        told: true,
        ..NOTHING
    },
    Home { places: &["{home}/.local/share/mise"], execute: &["installs", "shims", "plugins"], ..NOTHING },
    Home { places: &["{home}"], read: &[".tool-versions"], ..NOTHING },
];

/// What the toolchains of a policy come to on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// May be read.
    pub(super) read: Vec<AbsPath>,
    /// May be read and executed.
    pub(super) execute: Vec<AbsPath>,
    /// Stays hidden.
    pub(super) secret: Vec<AbsPath>,
    /// Variables for jobs.
    pub(super) environment: Vec<(String, AbsPath)>,
    /// Directories for the end of PATH.
    pub(super) path: Vec<AbsPath>,
    /// What a person should know.
    pub(super) warnings: Vec<Problem>,
}

/// Finds the homes of these toolchains.
///
/// # Errors
/// A pattern of the table finds too much.
pub(super) fn find(names: &[&str], variables: &Variables, disk: &dyn Disk) -> Result<Found, String> {
    let mut found = Found::default();
    let wanted = |home: &&Home| names.contains(&home.of) || home.of == "any" && !names.is_empty();
    for home in HOMES.iter().filter(wanted) {
        for (index, place) in places(home, variables, disk, &mut found.warnings)?.into_iter().enumerate() {
            found.take(home, &place, disk)?;
            if index == 0 && home.told {
                found.environment.push((home.variable.to_owned(), place));
            }
        }
    }
    for list in [&mut found.read, &mut found.execute, &mut found.secret] {
        list.sort();
        list.dedup();
    }
    Ok(found)
}

/// The places of a home that exist, the one that the environment names first.
fn places(
    home: &Home,
    variables: &Variables,
    disk: &dyn Disk,
    warnings: &mut Vec<Problem>,
) -> Result<Vec<AbsPath>, String> {
    let mut found = Vec::new();
    let named = variables.environment.get(home.variable).and_then(|value| AbsPath::new(value).ok());
    // What jobs may change is granted by the policy or not at all.
    let fixed = |path: &AbsPath| !path.is_within(&variables.workspace);
    if let Some(named) = named.filter(fixed).and_then(|named| disk.canonical(&named)) {
        let wide = [&variables.workspace, &variables.state].into_iter().chain(&variables.home);
        // A home that holds everything would grant everything.
        if named.parent().is_none() || wide.into_iter().any(|dir| dir.is_within(&named)) {
            let message = format!(
                "`{}` names `{named}`, which holds more than a toolchain; nothing there is granted",
                home.variable
            );
            warnings.push(Problem::warning("wide-toolchain", message).advise("set it to a folder of its own"));
        } else {
            found.push(named);
        }
    }
    for place in home.places {
        // Without a home there is nothing below it.
        if variables.home.is_some() || !place.starts_with("{home}") {
            found.extend(expand(&variables.pattern(place)?, disk)?);
        }
    }
    let mut seen = Vec::new();
    found.retain(|place| {
        !seen.contains(place) && {
            seen.push(place.clone());
            true
        }
    });
    found.retain(fixed);
    Ok(found)
}

impl Found {
    /// Takes what the table says of one home.
    fn take(&mut self, home: &Home, place: &AbsPath, disk: &dyn Disk) -> Result<(), String> {
        let below = |patterns: &[&str]| -> Result<Vec<AbsPath>, String> {
            let mut all = Vec::new();
            for pattern in patterns {
                all.extend(expand(&format!("{}/{pattern}", globset::escape(&place.to_string())), disk)?);
            }
            Ok(all)
        };
        self.execute.extend(below(home.execute)?);
        self.path.extend(below(home.path)?);
        for path in below(home.read)? {
            if disk.text(&path).is_some_and(|text| holds_secret(&text)) {
                let message = format!("`{path}` holds a credential, and is hidden from jobs");
                let advice = "move the credential to the tool's own file for credentials";
                self.warnings.push(Problem::warning("secret-in-configuration", message).advise(advice));
                self.secret.push(path.clone());
            }
            // Hidden, it is there and empty: a tool may insist on reading it.
            self.read.push(path);
        }
        for pattern in home.secret {
            let found = expand(&format!("{}/{pattern}", globset::escape(&place.to_string())), disk)?;
            // What is made later must be known by name.
            let literal = (!pattern.contains(['*', '{'])).then(|| place.join(pattern)).and_then(Result::ok);
            self.secret.extend(if found.is_empty() { literal.into_iter().collect() } else { found });
        }
        Ok(())
    }
}

/// Does a configuration file give a token or a password a value, or hold one in an address?
fn holds_secret(text: &str) -> bool {
    text.lines().map(|line| line.split('#').next().unwrap_or("")).any(|line| {
        let (key, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
        let key = key.to_ascii_lowercase();
        let told = ["token", "password", "passwd", "secret", "_auth"].iter().any(|word| key.contains(word));
        let address = line.split_once("://").and_then(|(_, rest)| rest.split(['/', '"', '\'', ' ']).next());
        told && !value.trim().is_empty() || address.is_some_and(|host| host.contains('@'))
    })
}
