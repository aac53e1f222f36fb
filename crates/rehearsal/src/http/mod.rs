//! A small HTTP/1.1 server for everything that is simulated here. It can also send faulty responses on purpose.

mod faulty_delivery;
mod message;
mod port;
mod server;

pub(crate) use self::{
    message::{FaultyResponse, FullBody, Request, http_response},
    port::{BlackholePort, Port},
    server::{ServerHandle, serve_at, serve_on_free_port, serve_with_tls},
};
