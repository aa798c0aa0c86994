//! Notices that a policy file changed, or that somebody asks for it to be read again.
//!
//! In: a running engine and how its policy is loaded. Out: reloads. The kernel tells of changes: nothing here polls. The
//! folders are watched, not the files, because editors and deployments put a new file in the place of the old one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
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
    let mut watch = Watch::of(&engine.policy_files())?;
    let engine = Arc::downgrade(engine);
    tokio::spawn(async move {
        loop {
            let cause = tokio::select! {
                _ = hangup.recv() => Cause::Asked,
                changed = watch.changed() => {
                    if changed.is_none() {
                        tracing::error!("changes of the policy are no longer noticed; SIGHUP still works");
                        watch = Watch::nothing();
                        continue;
                    }
                    tokio::time::sleep(QUIET).await;
                    watch.forget();
                    Cause::File
                }
            };
            let Some(files) = reload(&engine, &load, cause).await else { return };
            // Another policy may read other files.
            if let Err(error) = watch.add(&files) {
                tracing::error!(%error, "some changes of the policy will not be noticed; SIGHUP still works");
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

/// Folders that are watched, and the names in them that matter.
#[derive(Debug)]
pub struct Watch {
    /// None before there are files, and after it broke.
    telling: Option<Telling>,
    folders: BTreeSet<PathBuf>,
    /// Every name matters.
    all: bool,
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
        Self { telling: None, folders: BTreeSet::new(), all: false }
    }

    fn of(files: &[AbsPath]) -> io::Result<Self> {
        let mut watch = Self::nothing();
        watch.add(files)?;
        Ok(watch)
    }

    /// Watches everything in the folders of these files: a link beside a file may be what leads to another one.
    ///
    /// # Errors
    /// The kernel watches no more, or a folder is not there.
    pub fn beside(files: &[AbsPath]) -> io::Result<Self> {
        let mut watch = Self { all: true, ..Self::nothing() };
        watch.add(files)?;
        Ok(watch)
    }

    /// Watches the folders of these files as well, those that links lead to included.
    ///
    /// # Errors
    /// As for [`Watch::beside`].
    pub fn add(&mut self, files: &[AbsPath]) -> io::Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let telling = match &mut self.telling {
            Some(telling) => telling,
            none => none.insert(Telling::start(self.all)?),
        };
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_ONLYDIR;
        for file in files {
            let named = file.as_path().to_path_buf();
            let real = fs::canonicalize(&named).unwrap_or_else(|_| named.clone());
            for path in [named, real] {
                let (Some(folder), Some(name)) = (path.parent().map(Path::to_path_buf), path.file_name()) else {
                    continue;
                };
                telling.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
                if !self.folders.contains(&folder) {
                    telling.inotify.add_watch(&folder, flags)?;
                    self.folders.insert(folder);
                }
            }
        }
        Ok(())
    }

    /// Returns when one of the files was written or another was put in its place; none when the watch is over.
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

impl Telling {
    fn start(all: bool) -> io::Result<Self> {
        let inotify = Arc::new(Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?);
        let names = Arc::new(Mutex::new(BTreeSet::new()));
        let (over, stop) = io::pipe()?;
        // One place: a change that waits to be seen stands for those after it.
        let (tell, changes) = mpsc::channel(1);
        let (waited, wanted) = (Arc::clone(&inotify), Arc::clone(&names));
        thread::Builder::new().name("policy files".into()).spawn(move || {
            while let Ok(Some(changed)) = next(&waited, &over, (!all).then_some(&*wanted)) {
                if changed && matches!(tell.try_send(()), Err(TrySendError::Closed(()))) {
                    break;
                }
            }
        })?;
        Ok(Self { inotify, names, changes, _stop: stop })
    }
}

/// Waits for the kernel: did one of the files change, or anything where no names are given? None when nobody listens any more.
fn next(inotify: &Inotify, over: &PipeReader, names: Option<&Mutex<BTreeSet<OsString>>>) -> io::Result<Option<bool>> {
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
    let Some(names) = names else { return Ok(Some(!events.is_empty())) };
    let names = names.lock().unwrap_or_else(PoisonError::into_inner);
    // Events that the kernel had no room for carry no name.
    Ok(Some(events.iter().any(|event| event.name.as_ref().is_none_or(|name| names.contains(name)))))
}
