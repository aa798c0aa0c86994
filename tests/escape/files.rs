//! Attacks on files outside the granted trees.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use crate::attacks::{Attempt, may_work, variable, works};

fn outside(name: &str) -> PathBuf {
    PathBuf::from(variable("OUTSIDE")).join(name)
}

fn inside(name: &str) -> PathBuf {
    PathBuf::from(variable("INSIDE")).join(name)
}

/// Reading is an attack only when the secret itself comes out.
fn expect_secret(text: io::Result<String>) -> io::Result<()> {
    if text? == "canary" { Ok(()) } else { Err(io::Error::other("not the secret")) }
}

fn run(program: PathBuf) -> io::Result<()> {
    let status = Command::new(program).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

fn read() -> io::Result<()> {
    expect_secret(fs::read_to_string(outside("secret")))
}

fn list() -> io::Result<()> {
    fs::read_dir(outside("")).map(|_| ())
}

fn create() -> io::Result<()> {
    fs::write(outside("new"), "x")
}

fn overwrite() -> io::Result<()> {
    OpenOptions::new().write(true).open(outside("secret"))?.write_all(b"x")
}

fn append() -> io::Result<()> {
    OpenOptions::new().append(true).open(outside("secret"))?.write_all(b"x")
}

fn truncate() -> io::Result<()> {
    nix::unistd::truncate(&outside("secret"), 0).map_err(io::Error::from)
}

fn remove() -> io::Result<()> {
    fs::remove_file(outside("secret"))
}

fn remove_directory() -> io::Result<()> {
    fs::remove_dir_all(outside(""))
}

fn make_directory() -> io::Result<()> {
    fs::create_dir(outside("new"))
}

fn make_symlink() -> io::Result<()> {
    symlink("/etc/passwd", outside("new"))
}

fn make_fifo() -> io::Result<()> {
    nix::unistd::mkfifo(&outside("new"), nix::sys::stat::Mode::S_IRUSR).map_err(io::Error::from)
}

fn rename_out() -> io::Result<()> {
    fs::write(inside("x"), "x")?;
    fs::rename(inside("x"), outside("x"))
}

fn rename_in() -> io::Result<()> {
    fs::rename(outside("secret"), inside("secret"))?;
    expect_secret(fs::read_to_string(inside("secret")))
}

fn hard_link_in() -> io::Result<()> {
    fs::hard_link(outside("secret"), inside("secret"))?;
    expect_secret(fs::read_to_string(inside("secret")))
}

fn hard_link_out() -> io::Result<()> {
    fs::write(inside("x"), "x")?;
    fs::hard_link(inside("x"), outside("x"))
}

fn read_through_symlink() -> io::Result<()> {
    symlink(outside("secret"), inside("link"))?;
    expect_secret(fs::read_to_string(inside("link")))
}

fn write_through_symlink() -> io::Result<()> {
    symlink(outside("new"), inside("link"))?;
    fs::write(inside("link"), "x")
}

fn read_through_directory_symlink() -> io::Result<()> {
    symlink(outside(""), inside("link"))?;
    expect_secret(fs::read_to_string(inside("link/secret")))
}

fn read_through_parent() -> io::Result<()> {
    expect_secret(fs::read_to_string(inside("../out/secret")))
}

fn read_through_own_root() -> io::Result<()> {
    expect_secret(fs::read_to_string(format!("/proc/self/root{}", outside("secret").display())))
}

fn read_through_foreign_root() -> io::Result<()> {
    let pid = variable("CANARY");
    expect_secret(fs::read_to_string(format!("/proc/{pid}/root{}", outside("secret").display())))
}

fn read_through_foreign_directory() -> io::Result<()> {
    let pid = variable("CANARY");
    expect_secret(fs::read_to_string(format!("/proc/{pid}/cwd/../out/secret")))
}

fn read_by_changed_directory() -> io::Result<()> {
    std::env::set_current_dir(outside(""))?;
    expect_secret(fs::read_to_string("secret"))
}

fn foreign_environment() -> io::Result<()> {
    fs::read(format!("/proc/{}/environ", variable("CANARY"))).map(|_| ())
}

fn foreign_memory() -> io::Result<()> {
    File::open(format!("/proc/{}/mem", variable("CANARY"))).map(|_| ())
}

fn foreign_descriptors() -> io::Result<()> {
    fs::read_dir(format!("/proc/{}/fd", variable("CANARY"))).map(|_| ())
}

fn execute_outside() -> io::Result<()> {
    run(outside("true"))
}

fn execute_written() -> io::Result<()> {
    fs::copy("/bin/true", inside("mine"))?;
    fs::set_permissions(inside("mine"), Permissions::from_mode(0o755))?;
    run(inside("mine"))
}

fn execute_script() -> io::Result<()> {
    fs::write(inside("mine"), "#!/bin/sh\nexit 0\n")?;
    fs::set_permissions(inside("mine"), Permissions::from_mode(0o755))?;
    run(inside("mine"))
}

fn execute_through_symlink() -> io::Result<()> {
    symlink(outside("true"), inside("mine"))?;
    run(inside("mine"))
}

fn set_user_id() -> io::Result<()> {
    fs::copy("/bin/true", inside("mine"))?;
    fs::set_permissions(inside("mine"), Permissions::from_mode(0o4755))?;
    if fs::metadata(inside("mine"))?.permissions().mode() & 0o4000 == 0 {
        return Err(io::Error::other("the bit is not set"));
    }
    Ok(())
}

fn create_set_user_id() -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o4755).open(inside("mine")).map(|_| ())
}

fn device_node() -> io::Result<()> {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    mknod(&inside("mem"), SFlag::S_IFCHR, Mode::S_IRUSR, makedev(1, 1)).map_err(io::Error::from)
}

fn write_system() -> io::Result<()> {
    fs::write("/usr/lib/shellwarden-escape", "x")
}

fn write_etc() -> io::Result<()> {
    OpenOptions::new().append(true).open("/etc/hosts").map(|_| ())
}

fn write_proc_sys() -> io::Result<()> {
    OpenOptions::new().write(true).open("/proc/sys/kernel/core_pattern").map(|_| ())
}

fn terminal() -> io::Result<()> {
    File::open("/dev/tty").map(|_| ())
}

fn kernel_memory() -> io::Result<()> {
    File::open("/dev/mem").map(|_| ())
}

pub(crate) const ATTEMPTS: &[Attempt] = &[
    works("read", read),
    works("list", list),
    works("create", create),
    works("overwrite", overwrite),
    works("append", append),
    works("truncate", truncate),
    works("remove", remove),
    works("remove directory", remove_directory),
    works("make directory", make_directory),
    works("make symlink", make_symlink),
    works("make fifo", make_fifo),
    works("rename out", rename_out),
    works("rename in", rename_in),
    works("hard link in", hard_link_in),
    works("hard link out", hard_link_out),
    works("read through symlink", read_through_symlink),
    works("write through symlink", write_through_symlink),
    works("read through directory symlink", read_through_directory_symlink),
    works("read through parent", read_through_parent),
    works("read through own root", read_through_own_root),
    works("read through foreign root", read_through_foreign_root),
    works("read through foreign directory", read_through_foreign_directory),
    works("read by changed directory", read_by_changed_directory),
    works("foreign environment", foreign_environment),
    works("foreign memory", foreign_memory),
    works("foreign descriptors", foreign_descriptors),
    works("execute outside", execute_outside),
    works("execute written", execute_written),
    works("execute script", execute_script),
    works("execute through symlink", execute_through_symlink),
    works("set-user-id by chmod", set_user_id),
    works("set-user-id by create", create_set_user_id),
    may_work("device node", device_node),
    may_work("write system", write_system),
    may_work("write etc", write_etc),
    may_work("write proc sys", write_proc_sys),
    may_work("terminal", terminal),
    may_work("kernel memory", kernel_memory),
];
