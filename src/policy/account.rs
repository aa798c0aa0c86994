//! Who jobs run as, and how little isolation will do: what a policy demands of the whole server.
//!
//! In: `run_as` and `sandbox.require`. Out: values that parse. Whether this machine can hold them is the engine's matter.

use super::yaml::Node;

/// The account of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunAs {
    /// A user by name, with its groups.
    User(String),
    /// A user and a group by number, and no other group.
    Ids {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
    },
}

impl RunAs {
    /// Reads `name` or `uid:gid`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no account; write the name of a user, or `1000:1000` for a user and a group");
        if let Some((uid, gid)) = text.split_once(':') {
            let number = |part: &str| part.parse().ok().filter(|id| *id != u32::MAX);
            return match (number(uid), number(gid)) {
                (Some(0), _) => Err("jobs cannot run as root by `run_as`; name another account".into()),
                (Some(uid), Some(gid)) => Ok(Self::Ids { uid, gid }),
                _ => Err(wrong()),
            };
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
        let named = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(plain);
        match text {
            "root" => Err("jobs cannot run as root by `run_as`; name another account".into()),
            _ if named => Ok(Self::User(text.to_owned())),
            _ => Err(wrong()),
        }
    }
}

/// The weakest mode that will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Require {
    /// A PID namespace for each job.
    Namespaces,
    /// A view of the file system for each job, and the rest with it.
    Mounts,
}

impl Require {
    /// What `sandbox.require` says.
    pub(super) fn read(node: &Node) -> Option<Self> {
        match node.at("sandbox.require").and_then(Node::text)? {
            "mounts" => Some(Self::Mounts),
            _ => Some(Self::Namespaces),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_name_or_two_numbers_and_never_root() {
        let cases = [
            ("a name", "www-data", Some(RunAs::User("www-data".into()))),
            ("numbers", "1000:100", Some(RunAs::Ids { uid: 1000, gid: 100 })),
            ("root", "root", None),
            ("root by number", "0:0", None),
            ("one number", "1000", None),
            ("no change", "4294967295:1", None),
            ("nothing", "", None),
            ("a path", "../x", None),
        ];
        for (why, text, want) in cases {
            assert_eq!(RunAs::read(text).ok(), want, "{why}: {text}");
        }
    }
}
