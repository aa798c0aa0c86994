//! The server over HTTP, from outside: bytes on sockets, and real clients.

mod access;
mod encrypted;
mod ending;
mod killed;
mod rough;
mod server;
mod strangers;
