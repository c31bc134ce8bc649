//! Whom a request comes from, where proxies stand between.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Where a proxy says whom it speaks for, and whom those before it did.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose word is taken; a cheap clone.
#[derive(Clone)]
pub struct Proxies {
    trusted: Arc<[IpNet]>,
    /// Whether the operator has been told of one that isn't trusted.
    told: Arc<AtomicBool>,
}

impl Proxies {
    /// These networks' words are taken.
    pub fn new(trusted: &[IpNet]) -> Self {
        Self { trusted: trusted.into(), told: Arc::default() }
    }

    /// The nearest address that is no trusted proxy. What stands before it in the header anybody
    /// may have written.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // What can't be read is no address, and ends the way back.
        let lines: Vec<_> =
            headers.get_all(FORWARDED_FOR).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        let hops: Vec<&str> = lines.iter().flat_map(|line| line.split(',')).collect();
        if !hops.is_empty() && !self.trusts(client) && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                peer = %client,
                "a sign-in says whom it is forwarded for and comes from no address of SALLY_TRUSTED_PROXIES: \
                 should that be a proxy, all who come through it share one limit"
            );
        }
        for hop in hops.into_iter().rev() {
            if !self.trusts(client) {
                break;
            }
            let Some(before) = address(hop.trim()) else { break };
            client = before;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// An address as proxies write it: some add the port, and brackets for IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let proxies = Proxies::new(&["10.0.0.0/8".parse().expect("a net"), "2001:db8::1/128".parse().expect("a net")]);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().expect("a value"));
        }
        proxies.client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn a_trusted_proxy_says_whom_it_speaks_for() {
        assert_eq!(client("10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("::ffff:10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("2001:db8::1", &["192.0.2.1, 10.1.1.1"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["192.0.2.1:4711"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client("10.0.0.1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_chain_of_proxies_is_followed_back_as_far_as_it_is_trusted() {
        let chain = "203.0.113.5, [2001:db8::7]:4711, ::ffff:10.0.0.3,10.0.0.2:80 ,  [2001:db8::1]";
        assert_eq!(client("10.0.0.1", &[chain]), "2001:db8::7");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3", "none but proxies");
        assert_eq!(client("10.0.0.1", &["::ffff:192.0.2.1"]), "192.0.2.1", "one client, one limit");
    }

    #[test]
    fn what_is_no_address_ends_the_way_back() {
        for garbage in
            ["", "unknown", "_hidden", "192.0.2", "192.0.2.1:99999", "2001:db8::7:zz", "\u{e9}", "\"192.0.2.1\""]
        {
            let line = format!("203.0.113.5, {garbage}, 10.0.0.2");
            assert_eq!(client("10.0.0.1", &[&line]), "10.0.0.2", "{garbage:?}");
        }
    }

    #[test]
    fn nobody_else_does() {
        assert_eq!(client("192.0.2.9", &["192.0.2.1"]), "192.0.2.9");
        assert_eq!(client("10.0.0.1", &["203.0.113.5, 192.0.2.1"]), "192.0.2.1", "the client wrote the first");
        assert_eq!(client("10.0.0.1", &["203.0.113.5", "192.0.2.1, 10.0.0.2"]), "192.0.2.1", "in two lines");
        assert_eq!(client("10.0.0.1", &["192.0.2.1, nonsense"]), "10.0.0.1");
    }
}
