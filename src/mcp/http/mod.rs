//! The MCP server over streamable HTTP: many clients, each alone with its jobs.
//!
//! In: connections of anybody who can reach the address. Out: replies of both protocol eras to those who may ask, and one
//! and the same refusal to everybody else. Who somebody is comes from a token or a certificate; what that client may run
//! is settled in its own engine.

mod access;
mod body;
mod client;
mod clients;
mod connection;
mod doors;
mod endpoint;
mod issue;
mod listen;
mod options;
mod pages;
mod routes;
mod serve;
mod sessions;
mod tls;
mod tokens;

pub use client::{Client, Maker};
pub use issue::{Wish, add, revoke};
pub use options::{Options, Tls};
pub use serve::{HttpError, serve, serve_handler};
pub use tls::first_certificate;
pub use tokens::{Entry, Proof, TokensError, read};
