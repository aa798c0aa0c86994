//! How often: limits by client, server, tool and rule, and the slowing of whoever repeats what was refused.
#![forbid(unsafe_code)]

mod limiter;
mod refusals;

pub use limiter::{About, Limit, Limiter, Permit, Rate, Refused, Scope};
pub use refusals::Refusals;
