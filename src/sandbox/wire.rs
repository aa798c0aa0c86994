//! Paths on their way to the helper: bytes stay bytes, whatever their encoding.
//!
//! In: [`AbsPath`]s. Out: byte strings for serde, and back, checked again. Used as `#[serde(with = …)]`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::paths::AbsPath;

fn checked<E: Error>(bytes: Vec<u8>) -> Result<AbsPath, E> {
    AbsPath::new(OsString::from_vec(bytes)).map_err(E::custom)
}

/// One path.
pub(super) mod path {
    use super::{AbsPath, Deserialize, Deserializer, OsStrExt, Serialize, Serializer, checked};

    pub(crate) fn serialize<S: Serializer>(path: &AbsPath, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().as_bytes().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<AbsPath, D::Error> {
        checked(Vec::deserialize(from)?)
    }
}

/// Perhaps a path.
pub(super) mod maybe_path {
    use super::{AbsPath, Deserialize, Deserializer, OsStrExt, Serialize, Serializer, checked};

    pub(crate) fn serialize<S: Serializer>(path: &Option<AbsPath>, to: S) -> Result<S::Ok, S::Error> {
        path.as_ref().map(|path| path.as_os_str().as_bytes()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AbsPath>, D::Error> {
        Option::deserialize(from)?.map(checked).transpose()
    }
}

/// A list of paths.
pub(super) mod paths {
    use super::{AbsPath, Deserialize, Deserializer, OsStrExt, Serialize, Serializer, checked};

    pub(crate) fn serialize<S: Serializer>(paths: &[AbsPath], to: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<&[u8]> = paths.iter().map(|path| path.as_os_str().as_bytes()).collect();
        bytes.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<AbsPath>, D::Error> {
        Vec::<Vec<u8>>::deserialize(from)?.into_iter().map(checked).collect()
    }
}

/// Perhaps a list of paths.
pub(super) mod maybe_paths {
    use super::{AbsPath, Deserialize, Deserializer, OsStrExt, Serialize, Serializer, checked};

    pub(crate) fn serialize<S: Serializer>(paths: &Option<Vec<AbsPath>>, to: S) -> Result<S::Ok, S::Error> {
        let bytes = |paths: &Vec<AbsPath>| -> Vec<Vec<u8>> {
            paths.iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect()
        };
        paths.as_ref().map(bytes).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<AbsPath>>, D::Error> {
        let lists = Option::<Vec<Vec<u8>>>::deserialize(from)?;
        lists.map(|list| list.into_iter().map(checked).collect()).transpose()
    }
}
