//! Variables that make a loader, a shell, an interpreter or a tool run other code.
//!
//! In: the name of a variable. Out: whether it carries code, and whether it reaches every program. What is done about it
//! is said in [`super::environment`].
//!
//! Families are refused whole, and their harmless members are named: a member that nobody thought of stays out. Names
//! are compared without regard to case, for npm and curl do so.

use std::sync::LazyLock;

use super::wildcard;

/// Read by the loader, the C library or a shell before a program's own first line. Sources: ld.so(8), gconv(3), bash(1)
/// "Shell Variables", dash(1), ksh(1), zshparam(1), getconf(1) (it runs programs from `GETCONF_DIR`).
const EVERY_PROGRAM: &[&str] =
    &["LD_* DYLD_* GLIBC_TUNABLES GCONV_PATH GETCONF_DIR LOCPATH NLSPATH MALLOC_* HOSTALIASES BASH* ENV \
     SHELLOPTS PS4 PS0 PROMPT_COMMAND IFS ZDOTDIR FPATH"];

/// Read by one program or family. Sources: the manual pages and reference pages of each, named where the name does not.
const SOME_PROGRAMS: &[&str] = &[
    // Shells and what they start.
    "CDPATH GLOBIGNORE EXECIGNORE FCEDIT HISTFILE INPUTRC POSIXLY_CORRECT SHELL CONFIG_SHELL CONFIG_SITE \
     TMPDIR TMP TEMP RES_OPTIONS LOCALDOMAIN",
    // git(1) "Environment Variables": pagers, editors, transports, configuration, other repositories, traces to files.
    "GIT_* HG* SVN_* CVS* BZR_* EMAIL_EDITOR DELTA_*",
    // Pagers, editors, browsers, viewers.
    "PAGER *PAGER MANPAGER MANOPT MANPATH MANLESS MANROFFSEQ GROFF_* LESS* MORE LV EDITOR *EDITOR VISUAL BROWSER *BROWSER EXINIT VIM* NVIM_* EMACS* \
     MYVIMRC SCREENRC SYSSCREENRC TMUX* LYNX_* BAT_*",
    // Remote shells and questions to a person.
    "SSH_ASKPASS* SUDO_* *ASKPASS* RSYNC_* *_RSH DBUS_* PGSERVICEFILE PSQLRC MYSQL_*",
    // Options and configuration of common tools.
    "RIPGREP_CONFIG_PATH FZF_* FD_* JQ_* AG_* ACKRC ACK_* TAR_* TAPE GREP_OPTIONS GZIP XZ_* ZIPOPT UNZIP* ZSTD_* \
     BZIP* LZ*_* WGETRC SYSTEM_WGETRC CURL_* NETRC AWK* AWKPATH AWKLIBPATH TERMINFO* TERMCAP OPENSSL_* \
     SSLKEYLOGFILE GTK_* QT_* GIO_* GDK_* XDG_* *_PROXY TEXINPUTS TEXMF* GNUPGHOME GPG_* GDB* LLDB_* QUILT* \
     WATCHEXEC_*",
    // make(1) and the tools that its built-in rules name, configure, compilers, gcc(1) "Environment Variables".
    "MAKEFLAGS MFLAGS GNUMAKEFLAGS *CFLAGS *CXXFLAGS *CPPFLAGS *LDFLAGS ARFLAGS ASFLAGS FFLAGS YFLAGS LFLAGS MAKEFILES MAKE MAKE_* CC CXX CPP LD AR AS NM FC F77 LEX YACC RANLIB STRIP OBJCOPY OBJDUMP M4* \
     INSTALL AUTOM4TE AUTOCONF ACLOCAL* LIBTOOL* COMPILER_PATH GCC_* COLLECT_* DEPENDENCIES_OUTPUT \
     SUNPRO_DEPENDENCIES LIBRARY_PATH CPATH *_INCLUDE_PATH PKG_CONFIG* CMAKE_* CTEST_* CCACHE_* SCCACHE_* \
     DISTCC_* LLVM_* CLANG_* GCOV_* ASAN_* LSAN_* MSAN_* TSAN_* UBSAN_* NINJA_* BAZEL_* MESON_*",
    // Rust: `cargo help environment-variables`, rustup book.
    "RUSTC* RUSTDOC* *RUSTFLAGS RUSTFMT* RUSTUP_* CARGO CARGO_* RUST_TARGET_PATH CLIPPY_*",
    // JavaScript: node(1), `npm help config` (any case), yarn, pnpm, deno, bun.
    "NODE_* NPM_* YARN_* PNPM_* COREPACK_* DENO_* BUN_* NVM_* VOLTA_* FNM_* TS_NODE_*",
    // Python: python(1) and what builds on it.
    "PYTHON* PYTEST_* PIP_* PIPX_* PIPENV_* POETRY_* PDM_* UV_* TOX_* NOX* VIRTUAL_ENV VIRTUALENV_* CONDA_* \
     PYENV_* COVERAGE_* IPYTHON* JUPYTER_* DJANGO_SETTINGS_MODULE MYPYPATH",
    // Other languages.
    "PERL* RUBY* BUNDLE_* GEM_* RBENV_* RAKE* LUA_* PHP* COMPOSER_* R_* JULIA_* TCL* GUILE_* ERL_* ELIXIR_* \
     MIX_* GHC* CABAL_* STACK_ROOT STACK_YAML STACK_WORK OCAML* CAML* OPAM* DOTNET_* CORECLR_* COR_* COMPLUS_* MONO_* MSBUILD* NUGET_* \
     GOFLAGS GOENV GOTOOL* GOROOT GOPATH GOBIN GOPROXY GOINSECURE GONO* GOCACHE* GOMODCACHE GOEXPERIMENT \
     GOTMPDIR GOVCS GOAUTH GOWORK GOSUMDB CGO_* ASDF_* MISE_*",
    // Java virtual machines and what builds on them.
    "JAVA_* _JAVA_* JDK_* JRE_* *JAVA_OPTIONS CLASSPATH MAVEN_* MVN_* GRADLE_* ANT_* SBT_* KOTLIN_* SCALA_* \
     GROOVY_* CATALINA_*",
    // Clients whose configuration may name programs to run.
    "DOCKER_* KUBECONFIG KUBE* HELM_* TF_* ANSIBLE_* VAGRANT_* AWS_CONFIG_FILE GH_CONFIG_DIR \
     AWS_SHARED_CREDENTIALS_FILE CLOUDSDK_* PRE_COMMIT_*",
];

/// Members of these families that carry no code.
const HARMLESS: &[&str] =
    &["CARGO_TERM_* CARGO_INCREMENTAL CARGO_NET_OFFLINE XDG_RUNTIME_DIR GIT_AUTHOR_* GIT_COMMITTER_* \
     GIT_TERMINAL_PROMPT GIT_OPTIONAL_LOCKS GIT_PAGER_IN_USE GIT_REFLOG_ACTION GIT_MERGE_VERBOSITY \
     GIT_CEILING_DIRECTORIES GIT_DISCOVERY_ACROSS_FILESYSTEM GIT_FLUSH GIT_ADVICE GIT_*_PATHSPECS NODE_ENV \
     NODE_DEBUG NODE_NO_WARNINGS NODE_DISABLE_COLORS NODE_PENDING_DEPRECATION PYTHONUNBUFFERED \
     PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONIOENCODING PYTHONUTF8 PYTHONFAULTHANDLER PYTHONSAFEPATH \
     PYTHONNOUSERSITE PYTHONOPTIMIZE PYTHONVERBOSE PYTHON_COLORS PYTHONDEVMODE PYTHONASYNCIODEBUG PIP_NO_INPUT \
     PIP_NO_COLOR PIP_DISABLE_PIP_VERSION_CHECK GOMAXPROCS GOTRACEBACK GOMEMLIMIT GOGC GOOS GOARCH \
     DOTNET_NOLOGO DOTNET_CLI_TELEMETRY_OPTOUT RUBY_YJIT_ENABLE MIX_ENV TF_VAR_*"];

/// A list taken apart when it is first asked: each of its texts is a family of names.
type Families = LazyLock<Vec<&'static str>>;

static EVERYWHERE: Families = LazyLock::new(|| taken_apart(EVERY_PROGRAM));
static SOMEWHERE: Families = LazyLock::new(|| taken_apart(SOME_PROGRAMS));
static NOWHERE: Families = LazyLock::new(|| taken_apart(HARMLESS));

fn taken_apart(list: &[&'static str]) -> Vec<&'static str> {
    list.iter().flat_map(|family| family.split_ascii_whitespace()).collect()
}

fn listed(list: &Families, name: &str) -> bool {
    wildcard::any(list.iter().copied(), &name.to_ascii_uppercase())
}

/// Can this variable make another program run, or a program run other code?
pub(super) fn injects(name: &str) -> bool {
    everywhere(name) || listed(&SOMEWHERE, name) && !listed(&NOWHERE, name)
}

/// Does it do so in every program, so that no job ever gets it, whoever asks?
pub(super) fn everywhere(name: &str) -> bool {
    listed(&EVERYWHERE, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as documentation has them, one or more for each way that code gets in.
    const CARRIERS: &str = "LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT GLIBC_TUNABLES GCONV_PATH GETCONF_DIR BASH_ENV ENV \
        SHELLOPTS BASHOPTS BASH_FUNC_ls%% PS4 IFS GIT_SSH GIT_SSH_COMMAND GIT_EXTERNAL_DIFF GIT_PAGER GIT_EDITOR \
        GIT_SEQUENCE_EDITOR GIT_ASKPASS GIT_PROXY_COMMAND GIT_EXEC_PATH GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_DIR \
        GIT_WORK_TREE GIT_TEMPLATE_DIR GIT_TRACE GIT_TRACE2_EVENT GIT_NEW_THING PAGER MANPAGER SYSTEMD_PAGER EDITOR \
        VISUAL LESSOPEN LESSCLOSE LESS LESSKEYIN PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONBREAKPOINT PYTHONWARNINGS \
        PYTHONINSPECT PYTEST_ADDOPTS NODE_OPTIONS NODE_PATH NODE_V8_COVERAGE npm_config_script_shell \
        Npm_Config_Node_Options PERL5OPT PERL5LIB PERL5DB RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS _JAVA_OPTIONS \
        JDK_JAVA_OPTIONS JDK_JAVAC_OPTIONS CLASSPATH GOFLAGS GOTOOLDIR RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER \
        RUSTFLAGS RUSTDOCFLAGS RUSTUP_TOOLCHAIN CARGO_HOME CARGO_BUILD_RUSTC_WRAPPER CARGO_TARGET_X_RUNNER CARGO \
        MAKEFLAGS GNUMAKEFLAGS MAKEFILES MFLAGS CC CXX LDFLAGS CONFIG_SITE CONFIG_SHELL TAR_OPTIONS \
        RIPGREP_CONFIG_PATH DOTNET_STARTUP_HOOKS CORECLR_PROFILER_PATH ERL_AFLAGS LUA_INIT TCLLIBPATH PHPRC \
        R_PROFILE_USER JULIA_LOAD_PATH OPENSSL_CONF OPENSSL_MODULES ASAN_OPTIONS SSH_ASKPASS SUDO_ASKPASS RSYNC_RSH \
        CVS_RSH AWS_CONFIG_FILE KUBECONFIG http_proxy HTTPS_PROXY XDG_CONFIG_HOME TMPDIR SHELL WGETRC CURL_HOME \
        GREP_OPTIONS GZIP BROWSER GROFF_COMMAND_PREFIX VIMINIT EXINIT EMACSLOADPATH DBUS_SESSION_BUS_ADDRESS";
    const PLAIN: &str = "LANG LC_ALL TZ TERM COLORTERM NO_COLOR COLUMNS RUST_LOG RUST_BACKTRACE CI DEBUG FORCE_COLOR \
        NODE_ENV PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL GIT_TERMINAL_PROMPT \
        CARGO_TERM_COLOR GITHUB_SHA USER GOOS GOARCH FEATURE_FLAGS STACK_NAME GOOGLE_CLOUD_PROJECT MIX_ENV";

    #[test]
    fn variables_that_carry_code_are_known_and_plain_ones_are_not_taken_for_them() {
        let wrong: Vec<&str> = CARRIERS.split_whitespace().filter(|name| !injects(name)).collect();
        assert!(wrong.is_empty(), "pass as harmless: {wrong:?}");
        let wrong: Vec<&str> = PLAIN.split_whitespace().filter(|name| injects(name)).collect();
        assert!(wrong.is_empty(), "taken for carriers: {wrong:?}");
    }

    #[test]
    fn only_what_reaches_every_program_is_refused_to_the_operator_too() {
        for (name, want) in
            [("LD_PRELOAD", true), ("BASH_ENV", true), ("ENV", true), ("GIT_PAGER", false), ("PAGER", false)]
        {
            assert_eq!(everywhere(name), want, "{name}");
        }
    }
}
