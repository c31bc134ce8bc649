//! What `SALLY_REDIS_URL` names.

use std::time::Duration;

use redis::aio::PubSub;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, Value, from_redis_value};

use super::{DATABASE_KEY, LinkError, Wire};

/// The scheme of a cluster's URL.
const CLUSTER: &str = "redis-cluster://";

/// How long a connection to one server of a cluster may take.
const MEMBER_CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// How often a command is tried again in a cluster that is moving, within its caller's patience.
const CLUSTER_RETRIES: u32 = 3;

/// What the URL names.
pub(super) enum Target {
    /// One server, or an address behind which the primary always is.
    Server { client: Client, response_limit: Duration },
    /// A cluster, known by some of its servers.
    Cluster {
        client: Box<ClusterClient>,
        /// `user:password@`, or empty.
        login: String,
        /// The first server named; a server that doesn't know its own address is at this one's.
        seed_host: String,
    },
}

impl Target {
    /// Reads `redis://…`, `rediss://…`, or `redis-cluster://[user:password@]a:1,b:2,c:3`. No answer
    /// may take longer than `response_limit`.
    pub(super) fn parse(url: &str, response_limit: Duration) -> Result<Self, RedisError> {
        let Some(servers) = url.strip_prefix(CLUSTER) else {
            return Ok(Self::Server { client: Client::open(url)?, response_limit });
        };
        let (login, servers) = match servers.rsplit_once('@') {
            Some((login, servers)) => (format!("{login}@"), servers),
            None => (String::new(), servers),
        };
        let servers: Vec<&str> = servers.trim_end_matches('/').split(',').map(str::trim).collect();
        let seed_host = servers.first().and_then(|server| server.rsplit_once(':')).map(|(host, _)| host.to_owned());
        let invalid = || RedisError::from((ErrorKind::InvalidClientConfig, "expected redis-cluster://host:port,…"));
        let client = ClusterClientBuilder::new(servers.iter().map(|server| format!("redis://{login}{server}")))
            .connection_timeout(MEMBER_CONNECT_LIMIT)
            .response_timeout(response_limit)
            .retries(CLUSTER_RETRIES)
            .min_retry_wait(50)
            .max_retry_wait(500)
            .build()?;
        Ok(Self::Cluster { client: Box::new(client), login, seed_host: seed_host.ok_or_else(invalid)? })
    }

    pub(super) async fn connect(&self) -> Result<Wire, RedisError> {
        match self {
            Self::Server { client, response_limit } => {
                // Left alone, an answer may take half a second, which a busy server can exceed.
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(*response_limit))
                    .set_response_timeout(Some(*response_limit));
                Ok(Wire::Server(client.get_multiplexed_async_connection_with_config(&config).await?))
            }
            Self::Cluster { client, .. } => Ok(Wire::Cluster(client.get_async_connection().await?)),
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster { .. })
    }

    /// A connection for subscriptions, in a cluster to the server at `address`. A cluster passes a
    /// publish on to every server, each in an order of its own, so it matters which one it is.
    pub(super) async fn subscriber(&self, address: &str) -> Result<PubSub, RedisError> {
        match self {
            Self::Server { client, .. } => client.get_async_pubsub().await,
            Self::Cluster { login, .. } => Client::open(format!("redis://{login}{address}"))?.get_async_pubsub().await,
        }
    }

    /// The `host:port` of the server that owns slot 0; empty where there are no slots.
    pub(super) async fn owner_of_slot_0(&self, wire: Wire) -> Result<String, LinkError> {
        let (Self::Cluster { seed_host, .. }, Wire::Cluster(mut wire)) = (self, wire) else { return Ok(String::new()) };
        // Any server could say it, but a missing one would be asked, too. This one is needed anyway.
        let asked = SingleNodeRoutingInfo::SpecificNode(Route::with_key(DATABASE_KEY, SlotAddr::Master));
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let ranges = wire.route_command(slots, RoutingInfo::SingleNode(asked)).await?;
        for range in from_redis_value::<Vec<Vec<Value>>>(ranges).map_err(RedisError::from)? {
            let mut fields = range.into_iter();
            let (Some(first), Some(_last), Some(owner)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            if from_redis_value::<u16>(first).map_err(RedisError::from)? != 0 {
                continue;
            }
            let mut owner = from_redis_value::<Vec<Value>>(owner).map_err(RedisError::from)?.into_iter();
            let (Some(host), Some(port)) = (owner.next(), owner.next()) else { continue };
            let host = from_redis_value::<Option<String>>(host).map_err(RedisError::from)?;
            let port = from_redis_value::<u16>(port).map_err(RedisError::from)?;
            let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| seed_host.clone());
            return Ok(format!("{host}:{port}"));
        }
        Err(LinkError::Redis((ErrorKind::Client, "nobody in the cluster owns slot 0").into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server_or_a_cluster() {
        let parse = |url| Target::parse(url, Duration::from_secs(1));
        assert!(matches!(parse("redis://127.0.0.1:6379"), Ok(Target::Server { .. })));
        assert!(matches!(parse("rediss://u:p@redis.example:6380/2"), Ok(Target::Server { .. })));
        let Ok(Target::Cluster { login, seed_host, .. }) = parse("redis-cluster://u:p@a:1,b:2,c:3") else {
            panic!("a cluster");
        };
        assert_eq!((login.as_str(), seed_host.as_str()), ("u:p@", "a"));
        assert!(parse("redis-cluster://").is_err());
    }
}
