//! The server as a client meets it: the built binary, spoken to over its standard input and output.

mod asking;
mod clients;
mod giving_up;
mod history;
mod hostile;
mod jobs;
mod leaks;
mod leaving;
mod limits;
mod narrowed;
mod packaging;
mod reload;
mod session;
mod shot;
mod shutdown;
mod tasks;
mod terminal;
mod transport;
mod views;
