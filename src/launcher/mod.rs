//! Placeholder of the skeleton.
#![forbid(unsafe_code)]
