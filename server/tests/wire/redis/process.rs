//! Servers whose log is in a [`Redis`](crate::redis_server::Redis) of the test's own.

pub(super) use crate::redis_server::{Redis, connect, free_port, send};
use crate::support::{Server, until};

/// Whether the server is ready.
pub(crate) async fn is_ready(server: &Server) -> bool {
    server.http.get(server.path("/readyz")).send().await.unwrap().status() == 200
}

/// A server whose log is in Redis, once it is ready.
pub(crate) async fn ready_server(url: &str) -> Server {
    let server = Server::with(|config| config.redis_url = Some(url.to_owned())).await;
    until("the server is ready", async || is_ready(&server).await).await;
    server
}
