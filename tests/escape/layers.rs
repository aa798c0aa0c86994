//! Layers that a job may have beside the profile's Landlock rules: execute list, own tmp, mounts.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use shellwarden::launcher::{Exit, LaunchError, StdinMode};
use shellwarden::sandbox::{
    Confinement, ConfinementBuilder, Isolation, Limits, Network, SandboxError, Unsupported, with_interpreters,
};

use tokio::io::AsyncReadExt;

use crate::world::{World, absolute, drain};

/// Only the listed programs run, although the confinement grants all of /usr.
pub(crate) async fn execute_layer(world: World) {
    let programs = ["/bin/sh", "/bin/cp"].map(absolute);
    let listed = with_interpreters(&programs, &[]).unwrap();
    let script = "echo started; /bin/ls / >/dev/null; echo $?; cp /bin/true mine; ./mine; echo $?";
    let builder = world.builder(&["/bin/sh", "-c", script], &[("PATH", "/bin")], Limits::default());
    let (_, output) = world.finish_spec(builder.execute_only(listed).build().unwrap()).await;
    let codes: Vec<&str> = output.lines().filter(|line| !line.contains(' ')).collect();
    assert_eq!(codes, ["started", "126", "126"], "{output}");
    let builder = world.builder(&["/bin/ls"], &[], Limits::default());
    let refused = world.launcher.launch(builder.execute_only(Vec::new()).build().unwrap(), StdinMode::Null).await;
    assert_eq!(refused.unwrap_err().to_string(), "cannot execute `/usr/bin/ls`: Permission denied");
}

/// What one job may write another cannot even read.
pub(crate) async fn private_tmp(world: World) {
    let dirs = [world.outside.join("one"), world.outside.join("two")];
    dirs.iter().for_each(|dir| fs::create_dir(dir).unwrap());
    let script = format!(
        "echo mine >{0}/x; cat {0}/x; cat {1}/x; cp /bin/true {0}/t; {0}/t; echo $?",
        dirs[0].display(),
        dirs[1].display()
    );
    fs::write(dirs[1].join("x"), "other").unwrap();
    let builder = world.builder(&["/bin/sh", "-c", &script], &[("PATH", "/bin")], Limits::default());
    let tmp = absolute(&dirs[0]);
    let (_, output) = world.finish_spec(builder.tmp(tmp).build().unwrap()).await;
    assert!(output.starts_with("mine\n126\n") && !output.contains("other"), "{output}");
    // The shared ruleset was not extended: a job without tmp still cannot read it.
    let (end, _) = world.finish(&["/bin/cat", &format!("{}/x", dirs[0].display())], &[]).await;
    assert_eq!(end.exit, Exit::Code(1));
}

/// A granted tree that was replaced on disk is granted as it is now.
pub(crate) async fn replaced(world: World) {
    let write = |text: &str| world.spec(&["/bin/sh", "-c", &format!("echo {text} >file")], &[], Limits::default());
    assert_eq!(world.finish_spec(write("one")).await.0.exit, Exit::Code(0));
    fs::rename(&world.inside, world.base.join("old")).unwrap();
    fs::create_dir(&world.inside).unwrap();
    assert_eq!(world.finish_spec(write("two")).await.0.exit, Exit::Code(0));
    assert_eq!(fs::read_to_string(world.inside.join("file")).unwrap(), "two\n");
}

/// The world's usual grants, and more.
fn with(world: &World, more: impl FnOnce(ConfinementBuilder) -> ConfinementBuilder) -> Arc<Confinement> {
    let usual = world.confinement();
    let builder = Confinement::builder().read(usual.read().to_vec()).execute(usual.execute().to_vec());
    more(builder.write(usual.write().to_vec())).build().unwrap()
}

/// Runs a script under a profile; where mounts are missing, sees the refusal instead, and what `warn` tells.
async fn under(
    world: &World,
    profile: impl Fn(ConfinementBuilder) -> ConfinementBuilder,
    script: &str,
) -> Option<String> {
    let job = |confinement| {
        let builder = world.builder(&["/bin/sh", "-c", script], &[("PATH", "/bin:/usr/bin")], Limits::default());
        builder.confinement(confinement).build().unwrap()
    };
    let strict = job(with(world, &profile));
    if world.isolation == Isolation::MountNamespace {
        return Some(world.finish_spec(strict).await.1);
    }
    let refused = world.launcher.launch(strict, StdinMode::Null).await;
    assert!(matches!(refused, Err(LaunchError::Sandbox(SandboxError::Mounts { .. }))), "{refused:?}");
    let loose = job(with(world, |builder| profile(builder).unsupported(Unsupported::Warn)));
    let process = world.launcher.launch(loose, StdinMode::Null).await.unwrap();
    assert!(!process.handle.sandbox().unheld.is_empty());
    process.handle.ended().await;
    None
}

pub(crate) async fn protected_names(world: World) {
    let (git, hooks) = (world.inside.join(".git"), world.inside.join(".git/hooks"));
    let reset = || {
        world.reset();
        fs::create_dir_all(&hooks).unwrap();
        fs::write(hooks.join("pre-commit"), "mine").unwrap();
        fs::write(git.join("config"), "mine").unwrap();
    };
    let names = [absolute(&hooks), absolute(git.join("config"))];
    let attempts = [
        ("write below", "echo x >.git/hooks/new"),
        ("overwrite", "echo x >.git/config"),
        ("append", "echo x >>.git/hooks/pre-commit"),
        ("remove", "rm -rf .git/hooks"),
        ("rename over it", "echo x >c; mv -f c .git/config"),
        ("rename the parent away", "mv .git .g2; mkdir -p .git/hooks; echo x >.git/hooks/pre-commit"),
        ("rename it away", "mv .git/hooks .git/h2; mkdir .git/hooks; echo x >.git/hooks/pre-commit"),
        ("remove the parent", "rm -rf .git; mkdir -p .git/hooks; echo x >.git/hooks/pre-commit"),
        ("link over it", "ln -sfT /etc .git/hooks"),
        ("change its mode", "chmod 777 .git/config"),
        ("touch it", "touch -d 2001-01-01 .git/config"),
        ("unmount it", "umount .git/hooks; echo x >.git/hooks/new"),
        ("another name for it", "ln .git/config other && echo x >other"),
    ];
    for (why, script) in attempts {
        reset();
        let before = fs::metadata(git.join("config")).unwrap();
        let Some(output) = under(&world, |builder| builder.protect(names.clone()), script).await else { return };
        let after = fs::metadata(git.join("config")).unwrap();
        assert_eq!(fs::read_to_string(git.join("config")).unwrap(), "mine", "{why}: {output}");
        assert_eq!(fs::read_to_string(hooks.join("pre-commit")).unwrap(), "mine", "{why}: {output}");
        assert_eq!(fs::read_dir(&hooks).unwrap().count(), 1, "{why}: {output}");
        assert_eq!((before.mode(), before.mtime()), (after.mode(), after.mtime()), "{why}: {output}");
    }
    reset();
    let script = "echo x >.git/index && mv .git/index .git/i2 && echo x >file && mkdir d && mv file d && echo fine";
    let output = under(&world, |builder| builder.protect(names.clone()), script).await.unwrap();
    assert_eq!(output, "fine\n", "the rest stays writable");
}

/// Names that do not exist when the job starts cannot be made, and leave nothing behind.
pub(crate) async fn missing_names(world: World) {
    let names = [".git/hooks", ".git/config", ".claude/settings.json", ".envrc"];
    let paths = names.map(|name| absolute(world.inside.join(name)));
    let attempts = [
        "mkdir -p .git/hooks && echo x >.git/hooks/pre-commit",
        "mkdir -p .git .claude; for f in .git/config .claude/settings.json .envrc; do echo x >$f; done",
        "rm -rf .git .claude .envrc; mkdir -p .git/hooks .claude; echo x >.git/hooks/pre-commit; echo x >.envrc",
        "mv .git g; mv .claude c; mkdir -p .git/hooks .claude; echo x >.git/hooks/a; echo x >.claude/settings.json",
        "ln -s . .git; ln -sf x .envrc; mkdir d; echo x >d/settings.json; mv -T d .claude; ln -sfn d .claude",
        "echo x >x; mv -f x .envrc; ln -f x .envrc; cp x .git/config; umount .envrc && echo x >.envrc",
    ];
    for script in attempts {
        world.reset();
        let Some(output) = under(&world, |builder| builder.protect(paths.clone()), script).await else { return };
        // The helper takes its placeholders away when it sees the supervisor's end, a moment after that was told.
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while names.iter().any(|name| fs::symlink_metadata(world.inside.join(name)).is_ok()) {
            assert!(std::time::Instant::now() < limit, "{script}: {output}");
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let holds = |name: &str| fs::metadata(world.inside.join(name)).is_ok_and(|found| found.is_file());
        assert!(!names.iter().any(|name| holds(name)), "{script}: {output}");
    }
}

/// The loader maps a program without asking for the right to execute it. Where the job may mount, what it can write is
/// on mounts that refuse that; elsewhere it is a limit that SECURITY.md names.
pub(crate) async fn loader(world: World) {
    let loader = ["/lib64/ld-linux-x86-64.so.2"].into_iter().find(|path| std::path::Path::new(path).exists());
    let Some(loader) = loader else { return };
    let script = format!("cp /bin/true mine; {loader} ./mine; echo $?; {loader} /bin/true; echo $?");
    let (_, output) = world.finish(&["/bin/sh", "-c", &script], &[("PATH", "/bin:/usr/bin")]).await;
    let codes: Vec<&str> = output.lines().filter(|line| line.len() <= 3).collect();
    let held = codes.first() != Some(&"0");
    assert_eq!(held, world.isolation == Isolation::MountNamespace, "{output}");
    assert_eq!(codes.last(), Some(&"0"), "the system's programs still start: {output}");
}

pub(crate) async fn hidden_names(world: World) {
    let reset = || {
        world.reset();
        fs::create_dir_all(world.inside.join("a/keys")).unwrap();
        fs::write(world.inside.join("a/keys/key"), "canary").unwrap();
        fs::write(world.inside.join("a/.env"), "canary").unwrap();
    };
    let names = [absolute(world.inside.join("a/keys")), absolute(world.inside.join("a/.env"))];
    let attempts = [
        "cat a/.env a/keys/key",
        "mv a b; cat b/.env b/keys/key",
        "cp -r a b; cat b/.env b/keys/key",
        "ln a/.env b; cat b",
        "rm a/.env; cat a/.env; rmdir a/keys; cat a/keys/key",
        "cd a; cat .env keys/key; cat ../a/.env /proc/self/cwd/.env /proc/self/root$PWD/.env",
        "umount a/.env a/keys; cat a/.env a/keys/key",
    ];
    for script in attempts {
        reset();
        let Some(output) = under(&world, |builder| builder.hide(names.clone()), script).await else { return };
        assert!(!output.contains("canary"), "{script}: {output}");
        assert_eq!(fs::read_to_string(world.inside.join("a/.env")).unwrap(), "canary", "{script}: {output}");
    }
}

/// Modes and times of files outside the write roots: Landlock does not see them, read-only mounts do.
pub(crate) async fn metadata(world: World) {
    let victim = world.outside.join("secret");
    let before = fs::metadata(&victim).unwrap();
    let script =
        format!("chmod 000 {0}; touch -d 2001-01-01 {0}; chmod 000 {1}", victim.display(), world.outside.display());
    world.finish(&["/bin/sh", "-c", &script], &[("PATH", "/bin:/usr/bin")]).await;
    let after = fs::metadata(&victim);
    let held = after.is_ok_and(|after| (after.mode(), after.mtime()) == (before.mode(), before.mtime()));
    fs::set_permissions(&world.outside, fs::Permissions::from_mode(0o755)).unwrap();
    let told = world.launcher.support().mounts().is_ok();
    assert_eq!(held, world.isolation == Isolation::MountNamespace, "the gap is where doctor says it is");
    assert_eq!(held, told);
}

/// A job that may read `/proc` sees its own processes there, where it has a PID namespace and may mount.
pub(crate) async fn processes(world: World) {
    let confinement = with(&world, |builder| builder.read([absolute("/proc")]));
    let script = "ls -d /proc/[0-9]*; cat /proc/self/status >/dev/null && echo readable";
    let builder = world.builder(&["/bin/sh", "-c", script], &[("PATH", "/bin:/usr/bin")], Limits::default());
    let (end, output) = world.finish_spec(builder.confinement(confinement).build().unwrap()).await;
    assert_eq!(end.exit, Exit::Code(0), "{output}");
    let own = output.lines().count() <= 4 && output.contains("/proc/1\n");
    assert_eq!(own, world.launcher.support().fresh_proc().is_ok(), "{output}");
}

/// Runs a part of this program under a network mode; its output, empty when all was as it should be.
async fn networked(world: &World, part: &str, network: Network, env: &[(&str, &str)]) -> Result<String, LaunchError> {
    let me = std::env::current_exe().unwrap();
    let builder = world.builder(&[me.to_str().unwrap(), part], env, Limits::default());
    let spec = builder.confinement(with(world, |builder| builder.network(network))).build().unwrap();
    let process = world.launcher.launch(spec, StdinMode::Null).await?;
    Ok(drain(process).await.1)
}

pub(crate) async fn loopback(world: World) {
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = service.local_addr().unwrap().port().to_string();
    let answer = networked(&world, "own-loopback", Network::Loopback, &[("PORT", &port)]).await;
    match answer {
        Ok(output) => assert_eq!(output, ""),
        Err(error) => {
            assert!(matches!(error, LaunchError::Sandbox(SandboxError::Network { mode: "loopback", .. })), "{error:?}");
            assert!(world.isolation < Isolation::PidNamespace);
        }
    }
}

pub(crate) async fn ports(world: World) {
    let services = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let [port, other] = services.each_ref().map(|service| service.local_addr().unwrap().port());
    let network = Network::Ports { connect: vec![port], dns: false };
    let env = [("PORT", port.to_string()), ("OTHER", other.to_string())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(networked(&world, "granted-port", network, &env).await.unwrap(), "");
}

/// More processes than allowed cannot be made, or end the job; none of those that were is left.
pub(crate) async fn fork_bomb(world: World) {
    let limits = Limits { processes: Some(40), ..Limits::default() };
    let script = "i=0; while [ $i -lt 4000 ]; do sleep 4008 & i=$((i+1)); done; wait";
    let spec = world.spec(&["/bin/sh", "-c", script], &[("PATH", "/bin:/usr/bin")], limits);
    let counted = world.launcher.support().counts_processes(Some(40));
    let mut process = world.launcher.launch(spec, StdinMode::Null).await.unwrap();
    if counted {
        // The shell gives up at its first failed fork; the others hold the pipe open.
        let mut said = String::new();
        while !said.contains("fork") {
            let mut part = [0; 64];
            let length = process.stderr.read(&mut part).await.unwrap();
            assert!(length > 0, "the shell met no limit: {said}");
            said.push_str(&String::from_utf8_lossy(part.get(..length).unwrap()));
        }
        process.handle.kill().unwrap();
    }
    let end = process.handle.ended().await;
    assert!(counted || end.limit.as_deref() == Some("processes"), "{end:?}");
    let left = crate::world::processes().into_iter().filter(|(_, command)| command.contains("sleep 4008")).count();
    assert_eq!(left, 0);
}
