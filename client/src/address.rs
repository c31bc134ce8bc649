//! The address of a server, as people type it.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::Error;

/// A checked server address: `http` or `https`, a host, and nothing behind the path.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    base: Url,
}

impl Address {
    /// Reads an address.
    ///
    /// Without a scheme `https://` is assumed, but for this computer's own names (`localhost`,
    /// `127.0.0.1`, `[::1]`) `http://`, which is what a server listening there speaks.
    ///
    /// # Errors
    ///
    /// [`Error::BadAddress`] when it isn't one, or carries a password, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let bad = || Error::BadAddress(text.to_owned());
        let mut base = match text.contains("://") {
            true => Url::parse(text).map_err(|_| bad())?,
            false => {
                let secure = Url::parse(&format!("https://{text}")).map_err(|_| bad())?;
                match is_loopback(&secure) {
                    true => Url::parse(&format!("http://{text}")).map_err(|_| bad())?,
                    false => secure,
                }
            }
        };
        let is_plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none()
            && base.has_host();
        if !is_plain || !matches!(base.scheme(), "http" | "https") {
            return Err(bad());
        }
        // `Url::join` replaces whatever follows the last slash.
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { base })
    }

    /// The URL of a path below the address, such as `api/snapshot`.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), path.trim_start_matches('/')));
        url
    }

    /// Whether the server runs on this computer, so that no proxy may stand in between.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Address::parse(text).expect("an address").to_string()
    }

    #[test]
    fn a_scheme_is_assumed_by_the_host() {
        assert_eq!(read("sally.example"), "https://sally.example");
        assert_eq!(read(" sally.example:8443/fleet "), "https://sally.example:8443/fleet");
        assert_eq!(read("localhost:8787"), "http://localhost:8787");
        assert_eq!(read("127.0.0.1:8787"), "http://127.0.0.1:8787");
        assert_eq!(read("[::1]:8787"), "http://[::1]:8787");
        assert_eq!(read("http://sally.example/"), "http://sally.example");
    }

    #[test]
    fn paths_hang_below_the_address() {
        let address = Address::parse("https://example.org/sally").expect("an address");
        assert_eq!(address.at("/api/snapshot").as_str(), "https://example.org/sally/api/snapshot");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "   ", "ftp://x", "https://", "http://ann:secret@x", "x?y", "x#y", "a b"] {
            assert!(matches!(Address::parse(bad), Err(Error::BadAddress(_))), "{bad:?}");
        }
    }
}
