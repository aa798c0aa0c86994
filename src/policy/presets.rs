//! The policies that come with the binary.
//!
//! In: a name. Out: the YAML text. What a preset allows is said in its own file under `policies/`.

const PRESETS: [(&str, &str); 4] = [
    ("workspace", include_str!("../../policies/workspace.yaml")),
    ("readonly", include_str!("../../policies/readonly.yaml")),
    ("ci", include_str!("../../policies/ci.yaml")),
    ("argv-only", include_str!("../../policies/argv-only.yaml")),
];

/// Every preset, its name and its text.
pub fn presets() -> &'static [(&'static str, &'static str)] {
    &PRESETS
}

/// The text of one preset.
pub fn show(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
