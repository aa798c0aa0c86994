//! What a job inherits: variables, descriptors, a terminal. Looked at from inside the job by a real program.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::site::{Site, code, stderr, stdout};

/// Lets python3 run, every variable pass that a pattern can name, and `/proc` be read.
fn open_policy(site: &Site) -> PathBuf {
    let text = "version: 1\nextends: builtin:readonly\n\
        commands:\n  allow: [{id: python, program: python3, options: any, operands: any}]\n  assignments: ['*']\n\
        env: {inherit: ['*'], request: ['*']}\n\
        filesystem: {read: [/proc]}\n";
    site.write("policies/open.yaml", text)
}

/// One or more of each way in; none may be named by a pattern, a request, an assignment or a wrapper.
const CARRIERS: &[&str] = &[
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    "BASH_ENV",
    "ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "GIT_SSH_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "GIT_CONFIG_COUNT",
    "EDITOR",
    "LESSOPEN",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "NODE_OPTIONS",
    "npm_config_script_shell",
    "PERL5OPT",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "GOFLAGS",
    "RUSTC_WRAPPER",
    "MAKEFLAGS",
    "TAR_OPTIONS",
    "RIPGREP_CONFIG_PATH",
    "TMPDIR",
];

#[test]
fn no_pattern_of_a_policy_passes_a_variable_that_carries_code() {
    let site = Site::new();
    let policy = open_policy(&site);
    site.write("workspace/env.py", "import os\nfor name in os.environ: print(name, os.environ[name])\n");
    let mut command = site.command("run");
    command.env("BASH_FUNC_ls%%", "() { echo /canary; }").env("HARMLESS_CANARY", "/canary");
    // Values that nothing follows: the server itself starts with them.
    for name in CARRIERS.iter().filter(|name| !name.starts_with("LD_") && **name != "TMPDIR") {
        command.env(name, "/canary");
    }
    let output = command.arg("--policy").arg(policy).arg("python3 env.py").output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let passed: Vec<&str> = text.lines().filter(|line| line.contains("/canary")).collect();
    assert_eq!(passed, ["HARMLESS_CANARY /canary"]);
}

#[test]
fn no_command_line_sets_a_variable_that_carries_code() {
    let site = Site::new();
    let policy = open_policy(&site);
    let mut lines: Vec<String> = Vec::new();
    for name in CARRIERS.iter().chain(&["PATH", "HOME", "Npm_Config_Node_Options", "BASH_FUNC_ls%%"]) {
        lines.push(format!("{name}=x ls"));
        lines.push(format!("env {name}=x ls"));
        lines.push(format!("env -S '{name}=x ls'"));
        lines.push(format!("export {name}=x; ls"));
    }
    // A shell variable that is in the environment already passes its new value on.
    for name in ["PATH", "HOME"] {
        lines.push(format!("for {name} in x; do ls; done"));
        lines.push(format!("read {name} <<< x; ls"));
        lines.push(format!("printf -v {name} x; ls"));
        lines.push(format!("{name}=x; ls"));
    }
    let input: String =
        lines.iter().map(|line| format!("{}\n", serde_json::json!({"id": line, "command": line}))).collect();
    let answers = explained(&site, &policy, &input);
    for (line, answer) in lines.iter().zip(answers.lines()) {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert_eq!((&answer["id"], &answer["decision"]), (&line.as_str().into(), &"deny".into()), "{line}");
    }
    assert_eq!(answers.lines().count(), lines.len());
    let plain = explained(&site, &policy, "{\"id\": 1, \"command\": \"RUST_LOG=x ls\"}\n");
    assert!(plain.contains("\"allow\""), "the policy lets plain ones pass: {plain}");
}

fn explained(site: &Site, policy: &std::path::Path, input: &str) -> String {
    let lines = site.write("policies/lines.jsonl", input);
    let mut command = site.command("explain");
    let output = command.arg("--policy").arg(policy).arg("--jsonl").stdin(std::fs::File::open(lines).unwrap()).output();
    stdout(&output.unwrap())
}

/// The words of `run` with a script of the workspace, to be started by another program.
fn words(site: &Site, script: &str) -> Vec<std::ffi::OsString> {
    let policy = open_policy(site);
    site.write("workspace/try.py", script);
    let mut command = site.command("run");
    command.arg("--policy").arg(policy).arg("python3 try.py");
    [command.get_program()].into_iter().chain(command.get_args()).map(ToOwned::to_owned).collect()
}

fn started_by(site: &Site, program: &str, arguments: &[&str], script: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).args(words(site, script)).env("HOME", site.path("home")).stdin(Stdio::null());
    command.current_dir(site.workspace()).env_remove("CLAUDE_PROJECT_DIR").output().unwrap()
}

#[test]
fn no_descriptor_above_the_three_streams_reaches_a_job() {
    let site = Site::new();
    let script = "import os\n\
        def there(number):\n    \
            try:\n        os.fstat(number); return True\n    \
            except OSError:\n        return False\n\
        print([number for number in range(3, 1024) if there(number)])\n";
    let shell = "exec 7</etc/passwd 8>&1 9<>/dev/null 200</; exec \"$@\"";
    let output = started_by(&site, "bash", &["-c", shell, "bash"], script);
    assert_eq!(stdout(&output), "[]\n", "{}", stderr(&output));
}

#[test]
fn a_job_has_no_controlling_terminal_although_the_server_has_one() {
    let site = Site::new();
    let script = "import os\n\
        fields = open('/proc/self/stat').read().rsplit(')', 1)[1].split()\n\
        print('terminal', fields[4], 'leader', os.getsid(0) == os.getpid(), os.isatty(0), os.isatty(1))\n";
    // The outer program gives the server a terminal of its own, and shows that it is one.
    let outer = "import os, pty, sys\n\
        pty.spawn([sys.executable, '-c', 'import os, sys; os.close(os.open(\"/dev/tty\", os.O_RDWR)); \
        os.execv(sys.argv[1], sys.argv[1:])'] + sys.argv[1:])\n";
    let output = started_by(&site, "python3", &["-c", outer], script);
    let text = stdout(&output);
    assert!(text.contains("terminal 0 leader True False False"), "{text}{}", stderr(&output));
}

#[test]
fn server_and_helper_cannot_be_looked_into_by_their_own_user() {
    let site = Site::new();
    let mut command = site.command("run");
    command.arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    // An answer comes from a server that runs.
    use std::io::{Read, Write};
    server.stdin.as_mut().unwrap().write_all(b"x\n").unwrap();
    server.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    // What belongs to root although the process does not is not dumpable (proc(5)).
    let owner = |pid: &str| std::fs::metadata(format!("/proc/{pid}/mem")).map(|found| found.uid());
    let server_id = server.id().to_string();
    let below = std::fs::read_to_string(format!("/proc/{server_id}/task/{server_id}/children")).unwrap();
    let pids: Vec<&str> = [server_id.as_str()].into_iter().chain(below.split_whitespace()).collect();
    assert!(pids.len() > 1, "the helper is a child of the server");
    for pid in pids {
        assert_eq!(owner(pid).unwrap(), 0, "{pid}");
        let readable = std::fs::read(format!("/proc/{pid}/environ")).is_ok();
        assert_eq!(readable, nix::unistd::geteuid().is_root(), "{pid}");
    }
    drop(server.stdin.take());
    server.wait().unwrap();
}
