//! The catalogue as it is built into the binary.
//!
//! In: a program name. Out: its entry, read when it is first asked for, so that a run pays only for the programs that
//! its line names.

use std::collections::{BTreeSet, HashMap};
use std::sync::{LazyLock, OnceLock};

use super::entry::Entry;
use crate::diag::{Problem, Problems, Source, Span};
use crate::policy::yaml::{self, Node};

/// Names of programs with the text about them; a test compares the names with the text.
const TEXTS: [(&[&str], &str); COUNT] = [
    (&["awk", "gawk", "mawk", "nawk", "original-awk"], include_str!("../../../policies/programs/awk.yaml")),
    (&["base64", "base32"], include_str!("../../../policies/programs/base64.yaml")),
    (&["basename", "dirname"], include_str!("../../../policies/programs/basename.yaml")),
    (&["cargo"], include_str!("../../../policies/programs/cargo.yaml")),
    (&["cat"], include_str!("../../../policies/programs/cat.yaml")),
    (&["gcc", "g++", "cc", "c++", "clang", "clang++"], include_str!("../../../policies/programs/cc.yaml")),
    (&["cd"], include_str!("../../../policies/programs/cd.yaml")),
    (
        &["md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum", "cksum"],
        include_str!("../../../policies/programs/checksums.yaml"),
    ),
    (&["chmod", "chown", "chgrp"], include_str!("../../../policies/programs/chmod.yaml")),
    (
        &["kubectl", "helm", "terraform", "tofu", "aws", "gcloud", "az", "ansible-playbook", "pulumi"],
        include_str!("../../../policies/programs/clusters.yaml"),
    ),
    (&["cmp"], include_str!("../../../policies/programs/cmp.yaml")),
    (&["column"], include_str!("../../../policies/programs/column.yaml")),
    (&["comm"], include_str!("../../../policies/programs/comm.yaml")),
    (&["cp"], include_str!("../../../policies/programs/cp.yaml")),
    (&["curl"], include_str!("../../../policies/programs/curl.yaml")),
    (&["cut"], include_str!("../../../policies/programs/cut.yaml")),
    (
        &["psql", "mysql", "mariadb", "sqlite3", "redis-cli", "mongosh"],
        include_str!("../../../policies/programs/databases.yaml"),
    ),
    (&["date"], include_str!("../../../policies/programs/date.yaml")),
    (&["dd"], include_str!("../../../policies/programs/dd.yaml")),
    (&["df"], include_str!("../../../policies/programs/df.yaml")),
    (&["diff"], include_str!("../../../policies/programs/diff.yaml")),
    (
        &[
            "mkfs",
            "mkfs.ext2",
            "mkfs.ext3",
            "mkfs.ext4",
            "mkfs.xfs",
            "mkfs.btrfs",
            "mkfs.vfat",
            "mkswap",
            "fdisk",
            "sfdisk",
            "cfdisk",
            "gdisk",
            "sgdisk",
            "parted",
            "wipefs",
            "blkdiscard",
            "shred",
            "hdparm",
            "losetup",
            "cryptsetup",
            "lvremove",
            "vgremove",
            "pvremove",
            "debugfs",
        ],
        include_str!("../../../policies/programs/disks.yaml"),
    ),
    (&["docker", "podman", "nerdctl"], include_str!("../../../policies/programs/docker.yaml")),
    (&["du"], include_str!("../../../policies/programs/du.yaml")),
    (&["echo", "printf"], include_str!("../../../policies/programs/echo.yaml")),
    (&["env"], include_str!("../../../policies/programs/env.yaml")),
    (&["fd", "fdfind"], include_str!("../../../policies/programs/fd.yaml")),
    (&["file"], include_str!("../../../policies/programs/file.yaml")),
    (&["find"], include_str!("../../../policies/programs/find.yaml")),
    (&["flock"], include_str!("../../../policies/programs/flock.yaml")),
    (
        &["black", "ruff", "isort", "mypy", "flake8", "pylint", "prettier", "eslint", "tsc"],
        include_str!("../../../policies/programs/formatters.yaml"),
    ),
    (&["gh", "glab"], include_str!("../../../policies/programs/gh.yaml")),
    (&["git"], include_str!("../../../policies/programs/git.yaml")),
    (&["go", "gofmt"], include_str!("../../../policies/programs/go.yaml")),
    (&["grep", "egrep", "fgrep"], include_str!("../../../policies/programs/grep.yaml")),
    (
        &["gzip", "gunzip", "bzip2", "bunzip2", "xz", "unxz", "zstd", "unzstd", "lz4"],
        include_str!("../../../policies/programs/gzip.yaml"),
    ),
    (&["head"], include_str!("../../../policies/programs/head.yaml")),
    (&["install"], include_str!("../../../policies/programs/install.yaml")),
    (&["jq"], include_str!("../../../policies/programs/jq.yaml")),
    (&["kill", "pkill", "killall", "skill"], include_str!("../../../policies/programs/kill.yaml")),
    (&["less", "more"], include_str!("../../../policies/programs/less.yaml")),
    (&["ln"], include_str!("../../../policies/programs/ln.yaml")),
    (&["ls", "dir", "vdir"], include_str!("../../../policies/programs/ls.yaml")),
    (&["make", "gmake", "ninja"], include_str!("../../../policies/programs/make.yaml")),
    (&["man"], include_str!("../../../policies/programs/man.yaml")),
    (&["mkdir"], include_str!("../../../policies/programs/mkdir.yaml")),
    (&["mktemp"], include_str!("../../../policies/programs/mktemp.yaml")),
    (&["mv"], include_str!("../../../policies/programs/mv.yaml")),
    (&["nl"], include_str!("../../../policies/programs/nl.yaml")),
    (&["node", "nodejs", "deno", "bun"], include_str!("../../../policies/programs/node.yaml")),
    (&["npm", "pnpm", "yarn"], include_str!("../../../policies/programs/npm.yaml")),
    (&["npx", "pnpx", "bunx", "uvx"], include_str!("../../../policies/programs/npx.yaml")),
    (&["od", "hexdump", "hd"], include_str!("../../../policies/programs/od.yaml")),
    (&["paste"], include_str!("../../../policies/programs/paste.yaml")),
    (&["patch"], include_str!("../../../policies/programs/patch.yaml")),
    (
        &["perl", "ruby", "php", "lua", "Rscript", "julia", "tclsh", "expect", "java", "dotnet"],
        include_str!("../../../policies/programs/perl.yaml"),
    ),
    (&["pip", "pip3", "uv", "pipx", "poetry"], include_str!("../../../policies/programs/pip.yaml")),
    (&["nice", "nohup", "stdbuf", "setsid", "ionice"], include_str!("../../../policies/programs/prefix-wrappers.yaml")),
    (&["printenv"], include_str!("../../../policies/programs/printenv.yaml")),
    (
        &["ps", "pgrep", "pidof", "free", "vmstat", "lscpu", "lsblk", "lsof", "top"],
        include_str!("../../../policies/programs/processes.yaml"),
    ),
    (&["pwd"], include_str!("../../../policies/programs/pwd.yaml")),
    (&["pytest", "py.test"], include_str!("../../../policies/programs/pytest.yaml")),
    (&["python", "python3", "pypy3", "ipython"], include_str!("../../../policies/programs/python.yaml")),
    (&["realpath", "readlink"], include_str!("../../../policies/programs/realpath.yaml")),
    (&["rg"], include_str!("../../../policies/programs/rg.yaml")),
    (&["rm", "unlink"], include_str!("../../../policies/programs/rm.yaml")),
    (&["rmdir"], include_str!("../../../policies/programs/rmdir.yaml")),
    (&["rustc", "rustdoc"], include_str!("../../../policies/programs/rustc.yaml")),
    (&["rustfmt"], include_str!("../../../policies/programs/rustfmt.yaml")),
    (&["sed"], include_str!("../../../policies/programs/sed.yaml")),
    (&["seq"], include_str!("../../../policies/programs/seq.yaml")),
    (&["sh", "bash", "dash", "zsh", "ksh", "fish", "ash"], include_str!("../../../policies/programs/sh.yaml")),
    (
        &["exit", "set", "read", "wait", "shift", "break", "continue", "return"],
        include_str!("../../../policies/programs/shell-builtins.yaml"),
    ),
    (&["shuf"], include_str!("../../../policies/programs/shuf.yaml")),
    (&["sleep"], include_str!("../../../policies/programs/sleep.yaml")),
    (&["sort"], include_str!("../../../policies/programs/sort.yaml")),
    (&["split", "csplit"], include_str!("../../../policies/programs/split.yaml")),
    (
        &["ssh", "scp", "sftp", "rsync", "nc", "ncat", "netcat", "socat", "telnet", "ftp"],
        include_str!("../../../policies/programs/ssh.yaml"),
    ),
    (&["stat"], include_str!("../../../policies/programs/stat.yaml")),
    (&["strings", "nm", "size"], include_str!("../../../policies/programs/strings.yaml")),
    (&["sudo", "doas", "su", "pkexec", "runuser"], include_str!("../../../policies/programs/sudo.yaml")),
    (
        &[
            "shutdown",
            "reboot",
            "halt",
            "poweroff",
            "init",
            "telinit",
            "kexec",
            "insmod",
            "modprobe",
            "rmmod",
            "sysctl",
            "mount",
            "umount",
            "swapon",
            "swapoff",
            "iptables",
            "ip6tables",
            "nft",
            "ufw",
            "useradd",
            "userdel",
            "usermod",
            "groupadd",
            "passwd",
            "chpasswd",
            "visudo",
        ],
        include_str!("../../../policies/programs/system-control.yaml"),
    ),
    (
        &["uname", "whoami", "id", "groups", "nproc", "arch", "hostname", "uptime", "tty", "logname", "locale"],
        include_str!("../../../policies/programs/system-info.yaml"),
    ),
    (&["tac"], include_str!("../../../policies/programs/tac.yaml")),
    (&["tail"], include_str!("../../../policies/programs/tail.yaml")),
    (&["tar"], include_str!("../../../policies/programs/tar.yaml")),
    (&["tee"], include_str!("../../../policies/programs/tee.yaml")),
    (&["test", "["], include_str!("../../../policies/programs/test.yaml")),
    (
        &["fold", "fmt", "pr", "expand", "unexpand", "rev", "join", "tsort", "numfmt", "factor", "iconv", "dos2unix"],
        include_str!("../../../policies/programs/text-filters.yaml"),
    ),
    (&["time"], include_str!("../../../policies/programs/time.yaml")),
    (&["timeout"], include_str!("../../../policies/programs/timeout.yaml")),
    (
        &[
            "tmux",
            "screen",
            "script",
            "at",
            "batch",
            "crontab",
            "systemctl",
            "service",
            "launchctl",
            "systemd-run",
            "nsenter",
            "unshare",
            "chroot",
        ],
        include_str!("../../../policies/programs/tmux.yaml"),
    ),
    (&["touch"], include_str!("../../../policies/programs/touch.yaml")),
    (&["tr"], include_str!("../../../policies/programs/tr.yaml")),
    (&["tree"], include_str!("../../../policies/programs/tree.yaml")),
    (&["true", "false", ":"], include_str!("../../../policies/programs/true.yaml")),
    (&["truncate"], include_str!("../../../policies/programs/truncate.yaml")),
    (&["type", "command"], include_str!("../../../policies/programs/type-command.yaml")),
    (&["uniq"], include_str!("../../../policies/programs/uniq.yaml")),
    (&["unzip"], include_str!("../../../policies/programs/unzip.yaml")),
    (&["vim", "vi", "nvim", "ex", "view", "emacs", "nano", "ed"], include_str!("../../../policies/programs/vim.yaml")),
    (&["watch"], include_str!("../../../policies/programs/watch.yaml")),
    (&["wc"], include_str!("../../../policies/programs/wc.yaml")),
    (&["wget"], include_str!("../../../policies/programs/wget.yaml")),
    (&["which"], include_str!("../../../policies/programs/which.yaml")),
    (&["xargs"], include_str!("../../../policies/programs/xargs.yaml")),
    (&["xxd"], include_str!("../../../policies/programs/xxd.yaml")),
    (&["yes"], include_str!("../../../policies/programs/yes.yaml")),
    (
        &["zcat", "bzcat", "xzcat", "zstdcat", "zgrep", "zless", "zdiff"],
        include_str!("../../../policies/programs/zcat.yaml"),
    ),
    (&["zip"], include_str!("../../../policies/programs/zip.yaml")),
];
const COUNT: usize = 110;

static INDEX: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let numbered = TEXTS.iter().enumerate();
    numbered.flat_map(|(index, (names, _))| names.iter().map(move |name| (*name, index))).collect()
});
static ENTRIES: [OnceLock<Option<Entry>>; COUNT] = [const { OnceLock::new() }; COUNT];

fn source(names: &[&str], text: &str) -> Source {
    Source::new(format!("builtin:programs/{}", names.first().copied().unwrap_or("")), text)
}

/// The entry of a program; none when there is none, and for a text that cannot be read, which a test rules out.
pub(in crate::policy) fn entry(name: &str) -> Option<&'static Entry> {
    let index = *INDEX.get(name)?;
    let (names, text) = TEXTS.get(index)?;
    let read = || Entry::read(&yaml::parse(&source(names, text)).ok()?).ok();
    ENTRIES.get(index)?.get_or_init(read).as_ref()
}

/// Does the catalogue know this program?
pub(in crate::policy) fn is_known(name: &str) -> bool {
    INDEX.contains_key(name)
}

/// Every name that it knows.
pub(in crate::policy) fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().flat_map(|(names, _)| names.iter().copied())
}

/// The ids of the rules against destructive commands; reads every entry.
pub(in crate::policy) fn dangerous_ids() -> BTreeSet<String> {
    let entries = TEXTS.iter().filter_map(|(names, _)| entry(names.first()?));
    entries.flat_map(|entry| &entry.dangerous).map(|rule| rule.id.clone()).collect()
}

/// Everything that is wrong with the catalogue.
pub(in crate::policy) fn check() -> Problems {
    let mut problems = Problems::default();
    let mut seen = BTreeSet::new();
    for (names, text) in TEXTS {
        let source = source(names, text);
        let node = match yaml::parse(&source) {
            Ok(node) => node,
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        let written: Vec<&str> =
            node.get("program").map_or(&[][..], Node::items).iter().filter_map(Node::text).collect();
        if written != names || names.iter().any(|name| !seen.insert(*name)) {
            let message = format!("`{}` is not what the table of the catalogue says", written.join(", "));
            problems.push(Problem::error("catalogue-table", message).at(&source, Span::default()));
        }
        match Entry::read(&node) {
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
    }
    problems
}
