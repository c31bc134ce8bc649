//! `sally-server serve`, as it is deployed: tokens, roles, limits, replay and the durable log are on.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

use super::dialect::{self, Dialect, Seat};
use super::redis::Redis;
use super::{Running, Setting, home};
use crate::process::Program;

/// A user is a person with a few devices and tabs; the server allows 16.
const STREAMS_PER_USER: usize = 8;

/// How long the server may take to be ready.
const START: Duration = Duration::from_secs(15);

/// How long tokens hold, in seconds: longer than any run.
const TOKEN_SECONDS: u64 = 4 * 60 * 60;

/// The secret of a server that lives for minutes, on loopback.
pub(crate) const SECRET: &str = "a secret of the benchmark, which guards nothing";

/// Starts the server for messaging, without a Redis.
///
/// # Errors
///
/// When it can't be started or doesn't become ready.
pub(crate) fn start_messaging(setting: &Setting) -> Result<Running> {
    start(setting, None)
}

/// Starts the server on a free port, with an empty data directory.
pub(super) fn start(setting: &Setting, redis: Option<Redis>) -> Result<Running> {
    if !setting.server.is_file() {
        bail!("there is no {}; `cargo xtask bench` builds it", setting.server.display());
    }
    let home = home()?;
    let mut command = Command::new(&setting.server);
    command.arg("serve").env("SALLY_LISTEN", "127.0.0.1:0").env("SALLY_DATA_DIR", home.path());
    command.env("SALLY_JWT_SECRET", SECRET).env("SALLY_LOG", "warn").env("SALLY_DRAIN", "1s");
    // Clients that were cut come back before the server knows that they were gone.
    command.env("SALLY_MAX_STREAMS_PER_TENANT", "20000");
    if let Some(redis) = &redis {
        command.env("SALLY_REDIS_URL", format!("redis://{}", redis.address()));
    }
    let mut program = Program::start(&mut command, setting.core)?;
    let address = program.said("listening on http://")?.parse().context("the server's address can't be read")?;
    wait_until_ready(address)?;
    let dialect = Sally { publisher: bearer("bench", "service", "*"), by_redis: redis.is_some() };
    Ok(Running { address, dialect: Box::new(dialect), program, redis, _home: home })
}

/// Ready is also that a publish through Redis came back.
fn wait_until_ready(address: SocketAddr) -> Result<()> {
    let end = Instant::now() + START;
    while Instant::now() < end {
        let mut socket = TcpStream::connect(address).context("the server takes no connections")?;
        socket.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).context("cannot ask the server whether it is ready")?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    bail!("the server isn't ready after {START:?}")
}

struct Sally {
    /// The header that lets the publisher in.
    publisher: String,
    by_redis: bool,
}

impl Dialect for Sally {
    fn ready(&self) -> &'static [u8] {
        b"event: ready"
    }

    fn pass(&self, seat: Seat) -> String {
        let user = format!("t{}-u{}", seat.tenant, seat.stream / STREAMS_PER_USER);
        bearer(&user, "dispatcher", &format!("t{}", seat.tenant))
    }

    fn open(&self, _: Seat, pass: &str, last_event_id: &[u8], out: &mut Vec<u8>) {
        dialect::get("/sse/events", pass, last_event_id, out);
    }

    fn publish(&self, tenant: usize, event: &[u8], out: &mut Vec<u8>) {
        if self.by_redis {
            return dialect::redis_publish(tenant, event, out);
        }
        let body = [br#"{"topic":"eta","event":"#, event, b"}"];
        dialect::post(&format!("/api/events?tenant=t{tenant}"), &self.publisher, &body, out);
    }

    fn publish_all(&self, tenant: usize, events: &[Vec<u8>], out: &mut Vec<u8>) -> u64 {
        if self.by_redis || events.len() < 2 {
            events.iter().for_each(|event| self.publish(tenant, event, out));
            return events.len() as u64;
        }
        let list = events.join(&b","[..]);
        let body = [&br#"{"topic":"eta","events":["#[..], &list, b"]}"];
        dialect::post(&format!("/api/events?tenant=t{tenant}"), &self.publisher, &body, out);
        1
    }
}

/// The claims of a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claims<'a> {
    sub: &'a str,
    tenant_id: &'a str,
    role: &'a str,
    iat: u64,
    exp: u64,
}

/// The header that lets a user in.
fn bearer(user: &str, role: &str, tenant: &str) -> String {
    format!("Authorization: Bearer {}\r\n", token(user, role, tenant))
}

/// A token such as `sally-server token` prints.
pub(crate) fn token(user: &str, role: &str, tenant: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims { sub: user, tenant_id: tenant, role, iat: now, exp: now + TOKEN_SECONDS };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    // Signing with a shared secret can't fail; without a token the server would say 401.
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap_or_default()
}
