//! Versions of kernels.

use super::*;

#[test]
fn releases_compare_as_numbers() {
    let cases =
        [("6.18.44-x", true), ("6.14", true), ("6.9.1", false), ("7.0.0-rc1", true), ("5.15.0", false), ("", false)];
    for (release, want) in cases {
        assert_eq!(release_at_least(release, 6, 14), want, "{release}");
    }
}
