//! Programs that run commands elsewhere or as another: `ssh`, `docker run`, `su`, and `parallel`.
//!
//! In: the words of such a program. Out: the commands inside, judged like any other. Their texts reach the other side as
//! they were written, so nothing in them is rendered; what is not plain text is refused.

use super::super::command::{Cwd, Word};
use super::super::refusal::Refusal;
use super::super::wrapper::Wrapper;
use super::Eval;
use super::simple::{Argument, Call};
use super::unwrap::{options, unknown};

/// Long options of containers that take no value.
const CONTAINER_FLAGS: &[&str] = &[
    "detach",
    "interactive",
    "tty",
    "rm",
    "privileged",
    "init",
    "read-only",
    "no-healthcheck",
    "oom-kill-disable",
    "publish-all",
    "sig-proxy",
    "quiet",
    "no-deps",
    "build",
    "no-build",
    "service-ports",
    "use-aliases",
    "no-TTY",
    "remove-orphans",
    "debug",
    "tls",
    "tlsverify",
    "stdin",
    "replace",
    "no-hosts",
    "verbose",
    "ansi",
    "compatibility",
];

/// Their long options that take one.
const CONTAINER_VALUES: &[&str] = &[
    "add-host",
    "annotation",
    "attach",
    "cap-add",
    "cap-drop",
    "cgroup-parent",
    "cgroupns",
    "cidfile",
    "cpu-shares",
    "cpus",
    "cpuset-cpus",
    "detach-keys",
    "device",
    "dns",
    "dns-search",
    "domainname",
    "env",
    "env-file",
    "expose",
    "gpus",
    "group-add",
    "health-cmd",
    "hostname",
    "ip",
    "ipc",
    "label",
    "link",
    "log-driver",
    "log-opt",
    "mac-address",
    "memory",
    "memory-swap",
    "mount",
    "name",
    "network",
    "net",
    "network-alias",
    "pid",
    "pids-limit",
    "platform",
    "publish",
    "pull",
    "restart",
    "runtime",
    "security-opt",
    "shm-size",
    "stop-signal",
    "stop-timeout",
    "storage-opt",
    "sysctl",
    "tmpfs",
    "ulimit",
    "user",
    "userns",
    "uts",
    "volume",
    "volumes-from",
    "workdir",
    "context",
    "config",
    "host",
    "log-level",
    "tlscacert",
    "tlscert",
    "tlskey",
    "file",
    "project-name",
    "project-directory",
    "profile",
    "index",
    "container",
    "namespace",
    "kubeconfig",
    "cluster",
    "pod-running-timeout",
    "request-timeout",
    "arch",
];

/// Names that `parallel` puts the next input in place of.
const PLACES: &[&str] = &["{}", "{.}", "{/}", "{//}", "{/.}", "{#}", "{%}"];

fn text(argument: Option<&Argument>) -> Option<&str> {
    argument.and_then(|argument| argument.word.known())
}

impl Eval {
    /// Judges `judged` as something that runs on another machine.
    fn elsewhere(
        &mut self,
        call: &Call<'_>,
        judged: impl FnOnce(&mut Self, &Call<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut there = call.clone();
        there.cwd = Cwd::Unknown("it runs on another machine or in a container".to_owned());
        there.changed = true;
        let before = std::mem::replace(&mut self.elsewhere, true);
        let result = judged(self, &there);
        self.elsewhere = before;
        result
    }

    /// A text that another shell reads as it was written.
    fn foreign_script(&mut self, name: &str, script: &str, call: &Call<'_>) -> Result<(), Refusal> {
        let list = self.lower.inner_script(script, true, call.span)?;
        self.nested(name, &list, call)
    }

    /// `ssh HOST WORDS…`: the words are joined to the text of a shell there; without any, it reads commands.
    pub(super) fn ssh(
        &mut self,
        name: &str,
        wrapper: &Wrapper,
        arguments: &[Argument],
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let before = options(name, wrapper, arguments, call)?;
        if before.alone {
            return if arguments.len() > 1 { Ok(()) } else { self.not_fed(name, call) };
        }
        let mut words = arguments.get(before.rest..).unwrap_or_default();
        let dashed = |argument: Option<&Argument>| text(argument).is_some_and(|text| text.starts_with('-'));
        if text(words.first()) == Some("--") {
            words = words.get(1..).unwrap_or_default();
        } else if dashed(words.first()) || dashed(arguments.get(before.rest - 1)) {
            let message = format!("`{name}` takes options behind its host as well; write them before it");
            return Err(Refusal::new("wrapper-option", call.span, message));
        }
        if words.is_empty() {
            return if before.value(&["N"]).is_some() { Ok(()) } else { self.not_fed(name, call) };
        }
        let words: Option<Vec<&str>> = words.iter().map(|word| word.word.known()).collect();
        let script = words.ok_or_else(|| unknown(name, call))?.join(" ");
        self.elsewhere(call, |eval, there| eval.foreign_script(name, &script, there))
    }

    /// `docker run IMAGE WORDS…`, `docker exec CONTAINER WORDS…`, and the same behind `compose` and `container`.
    pub(super) fn container(&mut self, name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        let carries = |argument: &Argument| argument.word.known().is_none_or(|text| matches!(text, "run" | "exec"));
        if !arguments.iter().skip(1).any(carries) {
            return Ok(());
        }
        let mut at = 1;
        let mut entry = None;
        loop {
            at = self.container_options(name, arguments, at, (&mut entry, call))?;
            match text(arguments.get(at)) {
                Some("compose" | "container") => at += 1,
                Some("run" | "exec") => break,
                _ => return Ok(()),
            }
        }
        at = self.container_options(name, arguments, at + 1, (&mut entry, call))?;
        let mut words = arguments.get(at + 1..).unwrap_or_default();
        // kubectl takes more options up to the dashes.
        let dashes = words.iter().position(|word| word.word.known() == Some("--"));
        if let Some(dashes) = dashes.filter(|at| *at == 0 || name.ends_with("kubectl")) {
            words = words.get(dashes + 1..).unwrap_or_default();
        }
        let words: Vec<Argument> = entry.into_iter().chain(words.iter().cloned()).collect();
        if words.is_empty() {
            return Ok(());
        }
        self.elsewhere(call, |eval, there| eval.inner(name, &words, there))
    }

    /// The index of the first word behind options; an entry point is the program.
    fn container_options(
        &self,
        name: &str,
        arguments: &[Argument],
        mut at: usize,
        (entry, call): (&mut Option<Argument>, &Call<'_>),
    ) -> Result<usize, Refusal> {
        while let Some(argument) = arguments.get(at) {
            let Some(word) = argument.word.known() else { return Err(unknown(name, call)) };
            if word == "--" || !word.starts_with('-') {
                break;
            }
            let (option, value) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
            let long = option.strip_prefix("--");
            let flag = match long {
                Some(long) => CONTAINER_FLAGS.contains(&long),
                None => option.chars().skip(1).all(|c| "ditTqDP".contains(c)),
            };
            let known = flag
                || match long {
                    Some(long) => CONTAINER_VALUES.contains(&long) || long == "entrypoint",
                    None => option.chars().nth(1).is_some_and(|c| "acehlmpuvwnfHN".contains(c)),
                };
            if !known {
                let message = format!("`{name}`: option `{option}` is not known here; leave it out");
                return Err(Refusal::new("wrapper-option", call.span, message));
            }
            let attached = value.is_some() || (long.is_none() && option.chars().count() > 2);
            if long == Some("entrypoint") {
                let program = value.or_else(|| text(arguments.get(at + 1))).ok_or_else(|| unknown(name, call))?;
                *entry = Some(Argument { word: Word::Known(program.to_owned()), position: None });
            }
            at += if flag || attached { 1 } else { 2 };
        }
        Ok(at)
    }

    /// `su [-c TEXT] [ACCOUNT]`; options may stand behind the account.
    pub(super) fn su(
        &mut self,
        name: &str,
        wrapper: &Wrapper,
        arguments: &[Argument],
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let mut words = arguments.to_vec();
        let mut script = None;
        let mut accounts = 0;
        while words.len() > 1 {
            let read = options(name, wrapper, &words, call)?;
            if read.alone {
                return Ok(());
            }
            if read.value(&["s", "shell"]).is_some() {
                let message = format!("`{name}` with a shell of its own is refused; leave `-s` out");
                return Err(Refusal::new("wrapper-option", call.span, message));
            }
            script = read.value(&["c", "command", "session-command"]).map(|text| text.cloned()).or(script);
            // What is left starts with the account, or with a lone dash.
            if let Some(word) = words.get(read.rest) {
                accounts += usize::from(word.word.known() != Some("-"));
            }
            words = words.iter().take(1).chain(words.iter().skip(read.rest + 1)).cloned().collect();
        }
        if accounts > 1 {
            return Err(Refusal::new("wrapper", call.span, format!("`{name}` gives words to a shell; use `-c`")));
        }
        let Some(script) = script else { return self.not_fed(name, call) };
        let script = script.as_ref().and_then(Word::known).ok_or_else(|| unknown(name, call))?.to_owned();
        let mut there = call.clone();
        there.changed = true;
        self.foreign_script(name, &script, &there)
    }

    /// `parallel WORDS… ::: VALUES…`: the words are the text of a shell, with quoted values in its places.
    pub(super) fn parallel(
        &mut self,
        name: &str,
        wrapper: &Wrapper,
        arguments: &[Argument],
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let read = options(name, wrapper, arguments, call)?;
        if read.alone {
            return Ok(());
        }
        let words = arguments.iter().skip(read.rest);
        let words = words.take_while(|word| !word.word.known().is_some_and(|text| text.starts_with(":::")));
        let words: Option<Vec<&str>> = words.map(|word| word.word.known()).collect();
        let template = words.ok_or_else(|| unknown(name, call))?.join(" ");
        let odd = read.value(&["I", "S"]).is_some() || template.contains("{=") || template.contains("$PARALLEL");
        if template.is_empty() || odd {
            let message = format!("`{name}` takes commands from what it reads; write the command out");
            return Err(Refusal::new("wrapper", call.span, message));
        }
        // A variable that nothing sets stands for what is not known.
        let unknown_word = "\"$PARALLEL_INPUT\"";
        let filled = PLACES.iter().fold(template.clone(), |text, place| text.replace(place, unknown_word));
        let script = if filled == template { format!("{template} {unknown_word}") } else { filled };
        let mut there = call.clone();
        there.changed = true;
        self.foreign_script(name, &script, &there)
    }
}
