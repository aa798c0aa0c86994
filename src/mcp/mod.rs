//! The MCP server: the engine as tools, over standard input and output.
//!
//! In: frames of a client, hostile or not. Out: replies; the standard output carries the protocol and nothing else.
//! Both protocol eras are spoken, with handshake (up to 2025-11-25) and without (2026-07-28). What may run is settled
//! in the engine: no tool changes policy, limits or audit.
#![forbid(unsafe_code)]

mod given_up;
mod guard;
pub mod http;
mod keys;
mod listing;
mod long;
mod parameters;
mod pending;
mod person;
mod progress;
mod render;
mod reply;
mod resources;
mod serve;
mod server;
mod stdio;
mod tasks;
mod tool;
mod tools;
mod updates;
mod wait;

pub use serve::{Options, ServeError, serve};
