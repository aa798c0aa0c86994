//! The server over HTTP, from outside: bytes on sockets, and real clients.

mod access;
mod apart;
mod conformance;
mod encrypted;
mod ending;
mod hanging_up;
mod hostile;
mod killed;
mod rough;
mod server;
mod strangers;
