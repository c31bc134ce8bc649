//! A server, and whether it is one.

use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::redirect;
use sally_protocol::PROTOCOL_VERSION;
use serde::Deserialize;

use crate::Error;
use crate::address::Address;
use crate::error::check_protocol;

/// What `GET /healthz` of this product calls itself.
const NAME: &str = "sally-realtime";

/// The limit of an ordinary call, unless another is given.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// The limit of setting up a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A server's address and the HTTP client for its ordinary calls. A cheap clone.
#[derive(Debug, Clone)]
pub struct Server {
    address: Address,
    http: reqwest::Client,
    limit: Duration,
}

#[derive(Deserialize)]
struct Health {
    name: String,
    protocol: u32,
}

impl Server {
    /// Reads an address, asks who answers there, and compares the protocol.
    ///
    /// # Errors
    ///
    /// Any [`Error`] but `Problem` with a 4xx status and `SignedOut`.
    pub async fn check(address: &str) -> Result<Self, Error> {
        Self::check_within(CALL_LIMIT, address).await
    }

    /// As [`Server::check`], with a limit for this and every later call instead of 10 s.
    ///
    /// # Errors
    ///
    /// As [`Server::check`].
    pub async fn check_within(limit: Duration, address: &str) -> Result<Self, Error> {
        let server = Self::unchecked(limit, Address::parse(address)?)?;
        server.knock(&server.http).await?;
        Ok(server)
    }

    pub(crate) fn unchecked(limit: Duration, address: Address) -> Result<Self, Error> {
        let http = http_client(&address, |builder| builder.timeout(limit))?;
        Ok(Self { address, http, limit })
    }

    /// The address, such as `https://sally.example`.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks who answers at the address, and compares the protocol. Supervised connections ask
    /// before every attempt, since a server may have been replaced in the meantime, and through
    /// their own `http`, so that the connection is open when they come in.
    pub(crate) async fn knock(&self, http: &reqwest::Client) -> Result<(), Error> {
        let answer = self.send(http.get(self.address.at("healthz")).timeout(self.limit)).await?;
        check_protocol(&self.address, &answer)?;
        let not_a_server = |hint: String| Error::NotAServer { address: self.address.to_string(), hint };
        if answer.status().is_redirection() {
            let target = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
            return Err(not_a_server(format!("it redirects to {target}")));
        }
        if answer.status().is_server_error() {
            return Err(Error::from_answer(&self.address, answer).await);
        }
        if !answer.status().is_success() {
            return Err(not_a_server(format!("HTTP {}", answer.status().as_u16())));
        }
        let health: Health = match answer.json().await {
            Ok(health) => health,
            Err(error) if error.is_decode() => return Err(not_a_server("it has no /healthz".into())),
            Err(error) => return Err(Error::from_transport(&self.address, &error)),
        };
        if health.name != NAME {
            return Err(not_a_server(format!("it calls itself “{}”", health.name)));
        }
        if health.protocol != PROTOCOL_VERSION {
            return Err(Error::Incompatible { address: self.address.to_string(), theirs: health.protocol });
        }
        Ok(())
    }

    /// The client for ordinary calls.
    #[cfg(feature = "messaging")]
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A request of the ordinary kind.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.address.at(path))
    }

    /// Sends a request; any status is an answer.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Error> {
        request.send().await.map_err(|error| Error::from_transport(&self.address, &error))
    }
}

/// An HTTP client for one server. It follows no redirects: a token or a password must not travel
/// to wherever an answer points. TLS is rustls even where another dependency brings a second one,
/// and trusts what the system trusts, a company's own authority for instance.
pub(crate) fn http_client(
    address: &Address,
    limits: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("sally-client/", env!("CARGO_PKG_VERSION")))
        .use_rustls_tls()
        .connect_timeout(CONNECT_LIMIT)
        .redirect(redirect::Policy::none());
    if address.is_loopback() {
        builder = builder.no_proxy();
    }
    limits(builder).build().map_err(|error| Error::from_transport(address, &error))
}
