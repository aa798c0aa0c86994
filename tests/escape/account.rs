//! Who a job runs as, what fits into its directory, and the mode that a policy demands.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use shellwarden::launcher::{Exit, LaunchError, StdinMode};
use shellwarden::sandbox::{Confinement, Isolation, Limits, RunAs, SandboxError};

use crate::world::{World, absolute};

const SOMEBODY: u32 = 12_345;

/// A server of root starts a job as somebody else, who can write its directory and its streams, and cannot go back; the
/// server can still end it. Any other server refuses.
pub(crate) async fn run_as(world: World) {
    let user = RunAs { uid: SOMEBODY, gid: SOMEBODY + 1, groups: vec![SOMEBODY + 2] };
    let tmp = world.base.join("tmp");
    fs::create_dir(&tmp).unwrap();
    fs::set_permissions(&tmp, Permissions::from_mode(0o700)).unwrap();
    let script = "id -u; id -g; id -G; echo x >$0/file && cat $0/file; echo y >/dev/stdout; grep ^CapPrm /proc/self/status; \
                  python3 -c 'import os; os.setuid(0)' 2>/dev/null && echo root; cat /etc/shadow 2>/dev/null";
    let argv = ["/bin/sh", "-c", script, tmp.to_str().unwrap()];
    let builder = world.builder(&argv, &[("PATH", "/bin:/usr/bin")], Limits::default());
    let grants = world.confinement();
    let grants = Confinement::builder().execute(grants.execute().to_vec()).write(grants.write().to_vec());
    let read = ["/etc", "/proc", "/dev"].map(absolute);
    let builder = builder.confinement(grants.read(read).build().unwrap()).tmp(absolute(&tmp)).run_as(user.clone());
    let spec = builder.build().unwrap();
    if !nix::unistd::geteuid().is_root() {
        let refused = world.launcher.launch(spec, StdinMode::Null).await.unwrap_err();
        assert!(matches!(refused, LaunchError::Sandbox(SandboxError::RunAs { uid: SOMEBODY, .. })), "{refused:?}");
        return;
    }
    let (_, output) = world.finish_spec(spec).await;
    let groups = format!("{} {}", SOMEBODY + 1, SOMEBODY + 2);
    let lines: Vec<&str> = output.lines().collect();
    let ids = [SOMEBODY.to_string(), (SOMEBODY + 1).to_string()];
    let want = [ids[0].as_str(), &ids[1], &groups, "x", "y", "CapPrm:\t0000000000000000"];
    assert_eq!(lines, want, "{output}");
    if let Ok(file) = fs::metadata(tmp.join("file")) {
        assert_eq!(file.uid(), SOMEBODY);
    }
    let job = world.builder(&["/bin/sleep", "3998"], &[], Limits::default()).run_as(user).build().unwrap();
    let process = world.launcher.launch(job, StdinMode::Null).await.unwrap();
    process.handle.kill().unwrap();
    assert_eq!(process.handle.ended().await.exit, Exit::Signal(libc::SIGKILL));
}

/// No more than its size fits into the job's directory, in bytes or in files, where it may mount; elsewhere the job's
/// status tells that nothing holds it.
pub(crate) async fn tmp_size(world: World) {
    let tmp = world.base.join("tmp");
    fs::create_dir(&tmp).unwrap();
    let script = "head -c 3000000 /dev/zero >$TMPDIR/a; stat -c %s $TMPDIR/a; cd $TMPDIR; i=0; \
                  while [ $i -lt 20 ]; do : >f$i && i=$((i+1)) || exit 1; done; echo twenty; stat -c %s /tmp/a /dev/shm/a";
    let env = [("PATH", "/bin:/usr/bin"), ("TMPDIR", tmp.to_str().unwrap())];
    let builder = world.builder(&["/bin/sh", "-c", script], &env, Limits::default());
    let spec = builder.tmp(absolute(&tmp)).tmp_size("1 MiB".parse().unwrap()).build().unwrap();
    let mut process = world.launcher.launch(spec, StdinMode::Null).await.unwrap();
    let unheld = process.handle.sandbox().unheld.iter().any(|one| one.what == "size of tmp");
    let mounts = world.isolation == Isolation::MountNamespace;
    assert_eq!(unheld, !mounts);
    let mut output = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut process.stdout, &mut output).await.unwrap();
    process.handle.ended().await;
    assert!(output.starts_with(if mounts { "1048576\n" } else { "3000000\n" }), "{output}");
    assert!(output.contains("twenty"), "{output}");
    assert_eq!(fs::read_dir(&tmp).unwrap().count() == 0, mounts, "what lay in memory went with the job");
}

/// A policy that demands more than the machine gives is refused, by name.
pub(crate) async fn demanded_mode(world: World) {
    let all = [Isolation::Freeze, Isolation::SignalScope, Isolation::PidNamespace, Isolation::MountNamespace];
    for demanded in all {
        let usual = world.confinement();
        let grants = Confinement::builder().execute(usual.execute().to_vec()).write(usual.write().to_vec());
        let builder = world.builder(&["/bin/true"], &[], Limits::default());
        let spec = builder.confinement(grants.at_least(demanded).build().unwrap()).build().unwrap();
        match world.launcher.launch(spec, StdinMode::Null).await {
            Ok(process) => {
                assert!(demanded <= world.isolation);
                process.handle.ended().await;
            }
            Err(error) => {
                assert!(demanded > world.isolation, "{error}");
                let text = error.to_string();
                assert!(text.starts_with(&format!("the policy demands that jobs are kept in a {demanded}")), "{text}");
            }
        }
    }
}
