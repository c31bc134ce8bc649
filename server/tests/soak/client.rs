//! A client that comes and goes, and reads event streams off its own socket.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sally_protocol::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::node::token;
use crate::story::Story;
use crate::support::until;

/// Before a client turns to the next address after one that failed it.
const PAUSE: Duration = Duration::from_millis(50);

/// How clients behave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Habits {
    /// Where the server is; one address after the other.
    pub addresses: Vec<SocketAddr>,
    /// What they ask for beside the stream, such as `?snapshot=true`.
    pub query: &'static str,
    /// The cursor that they come with; empty for none.
    pub after: String,
    /// How long they stay connected.
    pub stay: Duration,
    /// How long they are away then.
    pub away: Duration,
}

/// Many of them.
pub(crate) struct Swarm {
    clients: JoinSet<Story>,
    begun: Arc<AtomicUsize>,
}

impl Swarm {
    /// Starts so many clients, and returns once all of them have been connected.
    pub(crate) async fn start(count: usize, habits: &Habits) -> Self {
        let mut swarm = Self { clients: JoinSet::new(), begun: Arc::default() };
        for index in 0..count {
            // Each leaves at a time of its own, as clients do.
            let first = habits.stay.mul_f64((index + 1) as f64 / count as f64);
            let client =
                Client { token: token(&format!("user-{index}"), Role::Dispatcher), index, habits: habits.clone() };
            swarm.clients.spawn(client.follow(first, Arc::clone(&swarm.begun)));
        }
        let begun = &swarm.begun;
        until("all clients are connected", async || begun.load(Ordering::Relaxed) == count).await;
        swarm
    }

    /// What each has seen, once the event that ends the run has come to all, within a limit.
    pub(crate) async fn stories(mut self, limit: Duration) -> Vec<Story> {
        let deadline = Instant::now() + limit;
        let mut stories = Vec::new();
        while let Ok(ended) = timeout_at(deadline, self.clients.join_next()).await {
            match ended {
                Some(story) => stories.push(story.unwrap()),
                None => return stories,
            }
        }
        panic!("{} of {} clients have not seen the end", self.clients.len(), self.clients.len() + stories.len());
    }
}

struct Client {
    token: String,
    index: usize,
    habits: Habits,
}

impl Client {
    /// Follows the tenant's events until the one that ends the run.
    async fn follow(self, first: Duration, begun: Arc<AtomicUsize>) -> Story {
        let mut story = Story::default();
        story.cursor.clone_from(&self.habits.after);
        let mut leaves = Instant::now() + first;
        for turn in self.index.. {
            let address = self.habits.addresses[turn % self.habits.addresses.len()];
            let before = story.cursor.is_empty();
            let ended = timeout_at(leaves, self.connection(address, &mut story, &begun)).await;
            story.resumed += usize::from(!before);
            if story.is_over {
                // What it came for may have been there already.
                story.begin(&begun);
                break;
            }
            // Who was cut off comes back at once; who left of their own will stays away.
            sleep(if ended.is_ok() { PAUSE } else { self.habits.away }).await;
            leaves = Instant::now() + self.habits.stay;
        }
        story
    }

    /// One connection, until it ends or the run does.
    async fn connection(&self, address: SocketAddr, story: &mut Story, begun: &AtomicUsize) -> Result<()> {
        let mut socket = TcpStream::connect(address).await?;
        let mut request = format!(
            "GET /sse/events{} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n",
            self.habits.query, self.token
        );
        if !story.cursor.is_empty() {
            request += &format!("Last-Event-ID: {}\r\n", story.cursor);
        }
        socket.write_all((request + "\r\n").as_bytes()).await?;
        let mut text = Vec::with_capacity(4_096);
        let head = loop {
            if let Some(head) = take_until(&mut text, b"\r\n\r\n") {
                break head;
            }
            read(&mut socket, &mut text).await?;
        };
        if !head.starts_with("HTTP/1.1 200 ") {
            assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let resyncs = story.resyncs.len();
        // Half a snapshot is nothing that could be continued.
        let resumes = !story.cursor.is_empty() && !story.cursor.ends_with('~');
        while !story.is_over {
            let Some(block) = take_until(&mut text, b"\n\n") else {
                read(&mut socket, &mut text).await?;
                continue;
            };
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let (Some(id), Some(event), Some(data)) = (field("id"), field("event"), field("data")) else { continue };
            if event == "ready" {
                // Continued without a loss is who came with a cursor and was told nothing else.
                let recovered = resumes && story.resyncs.len() == resyncs;
                assert!(data.contains(&format!("\"recovered\":{recovered}")), "{data} after {:?}", story.resyncs);
                story.begin(begun);
            }
            story.take(id, event, data);
        }
        Ok(())
    }
}

async fn read(socket: &mut TcpStream, into: &mut Vec<u8>) -> Result<()> {
    match socket.read_buf(into).await? {
        0 => Err(Error::from(ErrorKind::UnexpectedEof)),
        _ => Ok(()),
    }
}

/// Takes what comes before `end`, and `end` itself.
fn take_until(bytes: &mut Vec<u8>, end: &[u8]) -> Option<String> {
    let at = bytes.windows(end.len()).position(|window| window == end)?;
    let rest = bytes.split_off(at + end.len());
    let taken = std::mem::replace(bytes, rest);
    Some(String::from_utf8(taken).unwrap())
}
