//! Another user to run as.
//!
//! In: ids, from a server that runs as root. Out: a process that is that user and cannot go back. Whether a job should
//! run as somebody else is the policy's decision; the order among the other steps is `child`'s.

use std::io;

use nix::unistd::{Gid, Uid, getgroups, getresgid, getresuid, setgroups, setresgid, setresuid};
use serde::{Deserialize, Serialize};

/// `CAP_KILL`, `CAP_SETGID` and `CAP_SETUID` of linux/capability.h.
const NEEDED: [(u32, &str); 3] = [(5, "CAP_KILL"), (6, "CAP_SETGID"), (7, "CAP_SETUID")];

/// The user, group and supplementary groups of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAs {
    /// Real, effective and saved user.
    pub uid: u32,
    /// Real, effective and saved group.
    pub gid: u32,
    /// All other groups; the server's own are given up.
    pub groups: Vec<u32>,
}

impl RunAs {
    /// What a process with these capabilities lacks to start a job as this user and to end it again; it needs nothing to
    /// stay who it is.
    pub(crate) fn missing(&self, own_uid: u32, capabilities: u64) -> Option<&'static str> {
        let lacks = |(bit, _): &&(u32, &str)| capabilities & (1 << bit) == 0;
        NEEDED.iter().find(lacks).filter(|_| self.uid != own_uid).map(|(_, name)| *name)
    }

    /// Is this process that user, with these groups and no other?
    fn is_current(&self) -> io::Result<bool> {
        let mut groups: Vec<u32> = getgroups()?.into_iter().map(Gid::as_raw).filter(|gid| *gid != self.gid).collect();
        let mut wanted: Vec<u32> = self.groups.iter().copied().filter(|gid| *gid != self.gid).collect();
        groups.sort_unstable();
        wanted.sort_unstable();
        let (user, group) = (getresuid()?, getresgid()?);
        let users = [user.real, user.effective, user.saved].map(Uid::as_raw);
        let ids = [group.real, group.effective, group.saved].map(Gid::as_raw);
        Ok(users == [self.uid; 3] && ids == [self.gid; 3] && groups == wanted)
    }

    /// Becomes this user. Groups come first: afterwards the right to change them is gone.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(crate) fn enter(&self) -> io::Result<()> {
        if self.is_current()? {
            return Ok(());
        }
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        setgroups(&groups)?;
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        // A process that came from root and still can go back has become nobody.
        if self.uid != 0 && setresuid(uid, Uid::from_raw(0), uid).is_ok() {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn becoming_another_user_takes_three_capabilities_and_staying_none() {
        let somebody = RunAs { uid: 1000, gid: 1000, groups: Vec::new() };
        let cases = [
            ("all of them", 0, 0b1110_0000, None),
            ("no signal would reach the job", 0, 0b1100_0000, Some("CAP_KILL")),
            ("nothing at all", 0, 0, Some("CAP_KILL")),
            ("no other user", 0, 0b0110_0000, Some("CAP_SETUID")),
            ("itself", 1000, 0, None),
        ];
        for (why, own, capabilities, want) in cases {
            assert_eq!(somebody.missing(own, capabilities), want, "{why}");
        }
    }
}
