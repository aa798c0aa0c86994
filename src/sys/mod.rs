//! Placeholder of the skeleton.
#![expect(unsafe_code, reason = "the one module that may call the kernel directly")]
