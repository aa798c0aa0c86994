//! Who may change a policy file?
//!
//! In: a file that was named. Out: nothing, or who else could rewrite it and what to do. Whether jobs could is decided
//! with the roots that they may write.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid};

use crate::diag::Problem;
use crate::paths::AbsPath;

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;
/// In such a directory each user changes own entries only.
const STICKY: u32 = 0o1000;

/// Why this file cannot be trusted: it, or a directory on the way to it, can be changed by another user.
pub(super) fn distrust(file: &AbsPath) -> Option<Problem> {
    let real = fs::canonicalize(file).ok()?;
    // Both ways count: whoever can move a link decides where it leads.
    let way = file.as_path().ancestors().skip(1).chain(real.ancestors());
    way.filter_map(|path| Some((path, changeable(path)?))).next().map(|(path, who)| {
        let (path, what) = (path.display(), if path == real { "" } else { " on the way to it" });
        let message = format!("the policy `{file}` could be changed by others: `{path}`{what} {who}");
        let advice = format!("run `chmod go-w {path}`, or keep the policy where only you and root may write");
        Problem::error("untrusted-file", message).advise(advice)
    })
}

/// Who else may change what is here.
fn changeable(path: &Path) -> Option<String> {
    let about = fs::symlink_metadata(path).ok().filter(|about| !about.is_symlink())?;
    let owner = Uid::from_raw(about.uid());
    if !owner.is_root() && owner != geteuid() {
        return Some(format!("belongs to user {owner}"));
    }
    if about.is_dir() && about.mode() & STICKY != 0 {
        return None;
    }
    if about.mode() & OTHERS_WRITE != 0 {
        return Some("can be written by everybody".into());
    }
    let group = about.mode() & GROUP_WRITES != 0 && !is_private(&about);
    group.then(|| format!("can be written by group {}", about.gid()))
}

/// Many systems give each user a group of its own, and write for it by default.
fn is_private(about: &Metadata) -> bool {
    let gid = Gid::from_raw(about.gid());
    if gid.as_raw() == 0 {
        return true;
    }
    let user = User::from_uid(geteuid()).ok().flatten();
    let group = Group::from_gid(gid).ok().flatten();
    let own = |user: User, group: Group| group.name == user.name && group.mem.iter().all(|name| *name == user.name);
    gid == getegid() && user.zip(group).is_some_and(|(user, group)| own(user, group))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_others_can_rewrite_or_replace_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(root.join("conf")).unwrap();
        let file = AbsPath::new(root.join("conf/policy.yaml")).unwrap();
        fs::write(&file, "version: 1").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        set(file.as_path(), 0o644);
        assert!(distrust(&file).is_none());
        set(file.as_path(), 0o646);
        assert!(distrust(&file).unwrap().to_string().contains("can be written by everybody"));
        set(file.as_path(), 0o644);
        set(&root.join("conf"), 0o777);
        assert!(distrust(&file).unwrap().to_string().contains("on the way to it"), "it could be replaced");
        set(&root.join("conf"), 0o1777);
        assert!(distrust(&file).is_none(), "as in /tmp");
    }
}
