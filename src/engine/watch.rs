//! Notices that a policy file changed, or that somebody asks for it to be read again.
//!
//! In: a running engine and how its policy is loaded. Out: reloads. The kernel tells of changes: nothing here polls. The
//! folders are watched, not the files, because editors and deployments put a new file in the place of the old one, or turn
//! a link on the way to it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::Engine;
use super::reload::{Cause, Loader};
use crate::paths::AbsPath;

/// After a change, so much quiet before the files are read: whoever writes several of them is let finish.
const QUIET: Duration = Duration::from_millis(100);

/// How long to wait before changes are asked for again when the kernel did not tell of them.
const AGAIN: Duration = Duration::from_secs(1);

/// How often files that change while they are read are read again.
const TRIES: usize = 20;

/// Reloads the policy of `engine` on SIGHUP and when one of its files changes, for as long as the engine lives; one without
/// a loader stays as it is. Must be called inside a tokio runtime.
///
/// # Errors
/// The signal or the folders cannot be watched.
pub fn keep_current(engine: &Arc<Engine>) -> io::Result<()> {
    let Some(load) = engine.loader.clone() else { return Ok(()) };
    let mut hangup = signal(SignalKind::hangup())?;
    let mut files = engine.policy_files();
    let mut watch = Watch::of(&files)?;
    let engine = Arc::downgrade(engine);
    tokio::spawn(async move {
        loop {
            let cause = tokio::select! {
                _ = hangup.recv() => Cause::Asked,
                changed = watch.changed() => {
                    if changed.is_none() {
                        tracing::error!("changes of the policy are noticed late, if at all; SIGHUP still works");
                        watch = Watch::nothing();
                        continue;
                    }
                    tokio::time::sleep(QUIET).await;
                    watch.forget();
                    Cause::File
                }
                () = tokio::time::sleep(AGAIN), if watch.is_nothing() && !files.is_empty() => {
                    match Watch::of(&files) {
                        Ok(again) => watch = again,
                        // A folder that is not there yet, or a kernel that has no more watches to give.
                        Err(_) => continue,
                    }
                    tracing::warn!("changes of the policy are noticed again");
                    Cause::File
                }
            };
            match reload(&engine, &load, cause).await {
                Some(read) => files = read,
                None => return,
            }
            // Another policy may read other files.
            if let Err(error) = watch.add(&files) {
                tracing::error!(%error, "some changes of the policy are noticed late; SIGHUP still works");
                watch = Watch::nothing();
            }
        }
    });
    Ok(())
}

/// One reload, off the runtime's threads; the files of the policy that holds then. None when the engine is gone.
async fn reload(engine: &Weak<Engine>, load: &Loader, cause: Cause) -> Option<Vec<AbsPath>> {
    let (engine, load) = (engine.upgrade()?, load.clone());
    let reloaded = tokio::task::spawn_blocking(move || {
        let files = engine.policy_files();
        let steady = || {
            for _ in 0..TRIES {
                let before = picture(&files);
                let loaded = load.load();
                if picture(&files) == before {
                    return loaded;
                }
                std::thread::sleep(QUIET);
            }
            Err("its files do not stop changing".to_owned())
        };
        let outcome = engine.reload(cause, &steady);
        tracing::debug!(?outcome, "the policy was read again");
        engine.policy_files()
    });
    reloaded.await.ok()
}

/// What differs when a file was written to: half a policy must never be taken for a whole one.
fn picture(files: &[AbsPath]) -> Vec<Option<(u64, u64, i64, i64)>> {
    let about = |path: &AbsPath| fs::metadata(path).ok();
    files.iter().map(|path| about(path).map(|it| (it.ino(), it.len(), it.mtime(), it.mtime_nsec()))).collect()
}

/// The folders of some files, and the names in them that matter.
#[derive(Debug)]
pub struct Watch {
    /// None before there are files, and after it broke.
    telling: Option<Telling>,
}

/// A thread that waits for the kernel, until this is dropped.
#[derive(Debug)]
struct Telling {
    inotify: Arc<Inotify>,
    names: Arc<Mutex<BTreeSet<OsString>>>,
    changes: mpsc::Receiver<()>,
    /// Its other end is at its end once this is closed.
    _stop: PipeWriter,
}

impl Watch {
    fn nothing() -> Self {
        Self { telling: None }
    }

    fn is_nothing(&self) -> bool {
        self.telling.is_none()
    }

    /// Watches these files, and each link on the way to them.
    ///
    /// # Errors
    /// The kernel watches no more, or a folder is not there.
    pub fn of(files: &[AbsPath]) -> io::Result<Self> {
        let mut watch = Self::nothing();
        watch.add(files)?;
        Ok(watch)
    }

    /// Watches these files as well. Those that are watched already may be reached by other links now.
    ///
    /// # Errors
    /// As for [`Watch::of`].
    pub fn add(&mut self, files: &[AbsPath]) -> io::Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let telling = match &mut self.telling {
            Some(telling) => telling,
            none => none.insert(Telling::start()?),
        };
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        for path in files.iter().flat_map(|file| on_the_way(file.as_path())) {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { continue };
            telling.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
            // A folder that is watched already stays so.
            telling.inotify.add_watch(folder, flags)?;
        }
        Ok(())
    }

    /// Returns when one of the files was written or taken away or another was put in its place, or its folder went; none
    /// when the watch is over.
    pub async fn changed(&mut self) -> Option<()> {
        match &mut self.telling {
            Some(telling) => telling.changes.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Drops what was told until now: the files are read after this.
    fn forget(&mut self) {
        if let Some(telling) = &mut self.telling {
            while telling.changes.try_recv().is_ok() {}
        }
    }
}

/// So many links may lead to a file, as for the kernel: path_resolution(7).
const MOST_LINKS: usize = 40;

/// Each link that leads to this file, and at last the file itself.
fn on_the_way(file: &Path) -> Vec<PathBuf> {
    let (mut found, mut here) = (Vec::new(), PathBuf::from("/"));
    let backwards = |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect();
    let mut left: Vec<OsString> = backwards(file);
    while let Some(part) = left.pop() {
        let next = match Path::new(&part).components().next() {
            Some(Component::Normal(name)) => here.join(name),
            Some(Component::ParentDir) => here.parent().unwrap_or(&here).to_path_buf(),
            Some(Component::RootDir) => PathBuf::from("/"),
            _ => continue,
        };
        match fs::read_link(&next) {
            Ok(target) if found.len() < MOST_LINKS => {
                left.append(&mut backwards(&target));
                found.push(next);
            }
            _ => here = next,
        }
    }
    found.push(here);
    found
}

impl Telling {
    fn start() -> io::Result<Self> {
        let inotify = Arc::new(Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?);
        let names = Arc::new(Mutex::new(BTreeSet::new()));
        let (over, stop) = io::pipe()?;
        // One place: a change that waits to be seen stands for those after it.
        let (tell, changes) = mpsc::channel(1);
        let (waited, wanted) = (Arc::clone(&inotify), Arc::clone(&names));
        thread::Builder::new().name("policy files".into()).spawn(move || {
            while let Ok(Some(changed)) = next(&waited, &over, &wanted) {
                if changed && matches!(tell.try_send(()), Err(TrySendError::Closed(()))) {
                    break;
                }
            }
        })?;
        Ok(Self { inotify, names, changes, _stop: stop })
    }
}

/// Waits for the kernel: did one of the files change? None when nobody listens any more.
fn next(inotify: &Inotify, over: &PipeReader, names: &Mutex<BTreeSet<OsString>>) -> io::Result<Option<bool>> {
    let mut waiting = [PollFd::new(inotify.as_fd(), PollFlags::POLLIN), PollFd::new(over.as_fd(), PollFlags::POLLIN)];
    match poll(&mut waiting, PollTimeout::NONE) {
        Err(Errno::EINTR) => return Ok(Some(false)),
        other => other?,
    };
    if waiting.get(1).and_then(PollFd::any).unwrap_or(true) {
        return Ok(None);
    }
    let events = match inotify.read_events() {
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Some(false)),
        other => other?,
    };
    let names = names.lock().unwrap_or_else(PoisonError::into_inner);
    // Events about a folder itself carry no name, nor do those that the kernel had no room for.
    Ok(Some(events.iter().any(|event| event.name.as_ref().is_none_or(|name| names.contains(name)))))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("v1/sub")).unwrap();
        fs::write(root.join("v1/policy.yaml"), "").unwrap();
        symlink("v1", root.join("now")).unwrap();
        symlink(root.join("now/sub/../policy.yaml"), root.join("p.yaml")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let found = on_the_way(&root.join("p.yaml"));
        assert_eq!(found, ["p.yaml", "now", "v1/policy.yaml"].map(|name| root.join(name)));
        assert_eq!(on_the_way(&root.join("absent")), [root.join("absent")]);
        assert_eq!(on_the_way(&root.join("loop")).len(), MOST_LINKS + 1);
    }
}
