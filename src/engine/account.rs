//! The account of jobs on this machine, and whether it may write where its policy lets it.
//!
//! In: `run_as` of a policy. Out: ids, or who is not known here; what an operator should know about a write root. That
//! another account can be entered at all is the sandbox's matter.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Gid, User, getegid, geteuid, getgrouplist, getgroups};

use crate::paths::AbsPath;
use crate::policy;
use crate::sandbox::RunAs;

/// Turns what the policy names into ids.
///
/// # Errors
/// There is no such user here.
pub(super) fn resolve(account: &policy::RunAs) -> Result<RunAs, String> {
    let name = match account {
        policy::RunAs::Ids { uid, gid } => return Ok(RunAs { uid: *uid, gid: *gid, groups: Vec::new() }),
        policy::RunAs::User(name) => name,
    };
    let unknown = |why: String| format!("`run_as: {name}`: {why}; make the account, or write `uid:gid`");
    let user = User::from_name(name).map_err(|errno| unknown(errno.to_string()))?;
    let user = user.ok_or_else(|| unknown("there is no such user".into()))?;
    if user.uid.is_root() {
        return Err(format!("`run_as: {name}` is root; name another account"));
    }
    let text = CString::new(name.as_str()).map_err(|_| unknown("the name holds a NUL byte".into()))?;
    let groups = getgrouplist(&text, user.gid).map_err(|errno| unknown(errno.to_string()))?;
    Ok(RunAs { uid: user.uid.as_raw(), gid: user.gid.as_raw(), groups: groups.into_iter().map(Gid::as_raw).collect() })
}

/// This process's own account.
pub(super) fn own() -> RunAs {
    let groups = getgroups().unwrap_or_default().into_iter().map(Gid::as_raw).collect();
    RunAs { uid: geteuid().as_raw(), gid: getegid().as_raw(), groups }
}

/// Permission bits of the kernel's classes owner, group and others.
fn may(account: &RunAs, path: &AbsPath, wanted: u32) -> bool {
    let Ok(found) = fs::metadata(path) else { return true };
    let in_group = account.gid == found.gid() || account.groups.contains(&found.gid());
    let shift = match (found.uid() == account.uid, in_group) {
        (true, _) => 6,
        (false, true) => 3,
        (false, false) => 0,
    };
    (found.mode() >> shift) & wanted == wanted
}

/// Why a job of this account cannot write a root although the policy lets it; jobs have no capabilities, root's neither.
pub(super) fn obstacle(account: &RunAs, root: &AbsPath) -> Option<String> {
    let owner = fs::metadata(root).ok()?.uid();
    let who = account.uid;
    let mut above = std::iter::successors(root.parent(), AbsPath::parent);
    if let Some(closed) = above.find(|dir| !may(account, dir, 0o1)) {
        return Some(format!("jobs run as user {who} and cannot reach `{root}`: `{closed}` is closed to that user"));
    }
    if may(account, root, 0o3) {
        return None;
    }
    let advice = match owner {
        0 => "give it to that user, or let its group write".to_owned(),
        owner => format!("start the server as user {owner}, or as root with `run_as`"),
    };
    Some(format!(
        "jobs run as user {who} without capabilities and cannot write `{root}`, which belongs to user {owner}: {advice}"
    ))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_root_of_somebody_else_is_an_obstacle_and_an_own_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let root = AbsPath::new(fs::canonicalize(dir.path()).unwrap().join("root")).unwrap();
        fs::create_dir(&root).unwrap();
        let mode = |path: &AbsPath, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let above = root.parent().unwrap();
        let me = own();
        let other = RunAs { uid: 64_000, gid: 64_000, groups: Vec::new() };
        let cases = [
            ("own", 0o755, 0o700, &me, ""),
            ("closed above", 0o700, 0o777, &other, "is closed to that user"),
            ("not writable", 0o755, 0o755, &other, "cannot write"),
            ("writable by all", 0o755, 0o777, &other, ""),
        ];
        for (why, outer, inner, account, want) in cases {
            mode(&above, outer);
            mode(&root, inner);
            let found = obstacle(account, &root).unwrap_or_default();
            assert_eq!((found.is_empty(), found.contains(want)), (want.is_empty(), true), "{why}: {found}");
        }
    }

    #[test]
    fn an_account_that_is_not_here_is_named() {
        let nobody = policy::RunAs::User("no-such-user-here".into());
        assert!(resolve(&nobody).unwrap_err().contains("`run_as: no-such-user-here`: there is no such user"));
    }
}
