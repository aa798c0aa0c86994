//! The server over HTTP, from outside: bytes on sockets, and real clients.

mod access;
mod ending;
mod server;
mod strangers;
