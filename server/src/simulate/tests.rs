//! The run against a real server.

use std::future::Future;

use sally_client::bare::{Connection, Incoming};
use sally_protocol::Board;
use sally_protocol::action::AlertAction;
use sally_protocol::alert::AlertStatus;
use sally_protocol::message::{
    Message, MessagePriority, NAMESPACE, Receipt, ReceiptKind, SendMessage, Sent, SessionInfo, Typing,
};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::{Config, Running};

const DEADLINE: Duration = Duration::from_secs(40);

/// A server, and a fleet that runs on it.
struct Stage {
    server: Running,
    _data: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let config = Config { listen: "127.0.0.1:0".into(), data_dir: data.path().to_owned(), ..Config::default() };
        Self { server: crate::start(config).await.expect("a server"), _data: data }
    }

    fn options(&self) -> Options {
        let tenant = Tenant::parse("demo").expect("a tenant");
        Options { url: self.server.url(), tenant, drivers: 6, rate: 5.0, seed: 3 }
    }

    fn begin(&self, options: Options) -> (CancellationToken, JoinHandle<Result<(), Error>>) {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(options, self.server.issuer().clone(), stop.clone()));
        (stop, task)
    }

    fn dispatcher(&self) -> Identity {
        let user = roster::id("ann");
        Identity { tenant: "demo".into(), user, role: Role::Dispatcher, driver: None, name: Some("Ann".into()) }
    }

    async fn session(&self) -> Session {
        let server = Server::check(&self.server.url()).await.expect("a server");
        session(&server, &self.server.issuer(), self.dispatcher())
    }

    async fn socket(&self) -> Connection {
        let token = self.server.issuer().issue(&self.dispatcher(), TOKEN_TTL).expect("a token");
        let auth = serde_json::json!({ "token": token });
        Connection::open(&self.server.url(), NAMESPACE, &auth).await.expect("a connection")
    }
}

async fn board(session: &Session) -> Board {
    let snapshot = session.snapshot(None).await.expect("a snapshot");
    let mut board = Board::default();
    board.apply(&Frame::Snapshot { events: snapshot.events, last: true });
    board
}

/// Waits until `look` finds something.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let looking = async {
        loop {
            match look().await {
                Some(found) => return found,
                None => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("{what} didn't come about"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_fills_the_board_and_drivers_answer() {
    let stage = Stage::set().await;
    let (stop, task) = stage.begin(stage.options());
    let session = stage.session().await;
    until("a full board", async || {
        let board = board(&session).await;
        (board.routes.len() == 6 && board.syncs.len() == 7 && !board.open_alerts().is_empty()).then_some(())
    })
    .await;
    let conversations = until("six drivers online, with something to say", async || {
        let all = session.conversations().await.expect("conversations").conversations;
        let (online, written) =
            (all.iter().filter(|one| one.online).count(), all.iter().filter(|one| one.last_message.is_some()).count());
        (online == 6 && written >= 4).then_some(all)
    })
    .await;

    let driver = conversations[0].conversation_id.clone();
    let mut socket = stage.socket().await;
    let message = SendMessage {
        recipient_id: Some(driver.clone()),
        content: "Where are you, and what's your ETA?".into(),
        client_message_id: uuid::Uuid::new_v4().to_string(),
        priority: MessagePriority::Urgent,
        requires_ack: true,
        ..SendMessage::default()
    };
    let sent: Sent = socket.request("send_message", &message).await.expect("sent");
    let sent = &sent.messages[0];

    let mut seen = Vec::new();
    let conversation = async {
        loop {
            let Ok(Incoming::Event(event)) = socket.next().await else { panic!("the connection holds") };
            match event.name.as_str() {
                "session" => assert!(event.read::<SessionInfo>().is_some()),
                "receipt" => {
                    let receipt: Receipt = event.read().expect("a receipt");
                    let meant = receipt.seq >= Some(sent.seq) || receipt.message_id.as_ref() == Some(&sent.message_id);
                    if receipt.user_id == driver && meant {
                        seen.push(receipt.kind.as_str());
                    }
                }
                "typing" => {
                    let typing: Typing = event.read().expect("typing");
                    if typing.user_id == driver && typing.typing && seen.contains(&ReceiptKind::Read.as_str()) {
                        seen.push("typing");
                    }
                }
                "new_message" => {
                    let message: Message = event.read().expect("a message");
                    if message.sender_id == driver && seen.contains(&"typing") {
                        assert!(message.seq > sent.seq && !message.content.is_empty());
                        return;
                    }
                }
                _ => {}
            }
        }
    };
    timeout(DEADLINE, conversation).await.expect("an answer");
    for step in ["delivered", "read", "acknowledged", "typing"] {
        assert!(seen.contains(&step), "{step} is missing in {seen:?}");
    }

    stop.cancel();
    task.await.expect("no panic").expect("an orderly end");
    until("everybody offline", async || {
        let all = session.conversations().await.expect("conversations").conversations;
        all.iter().all(|one| !one.online).then_some(())
    })
    .await;
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_takes_over_the_board_of_the_first() {
    let stage = Stage::set().await;
    let session = stage.session().await;
    let mut ends = Vec::new();
    for seed in [3, 4] {
        let (stop, task) = stage.begin(Options { seed, ..stage.options() });
        let crews: Vec<Id> = World::new(seed, 6, now()).crews().map(|crew| crew.driver.clone()).collect();
        let board = until("this run's board", async || {
            let board = board(&session).await;
            let open = board.routes.values().filter(|route| !route.is_ended());
            let drivers: Vec<_> = open.filter_map(|route| route.status.as_ref()?.driver_id.clone()).collect();
            let ours = drivers.len() == 6 && drivers.iter().all(|driver| crews.contains(driver));
            (ours && !board.open_alerts().is_empty()).then_some(board)
        })
        .await;
        assert!(
            board.open_alerts().iter().all(|alert| alert.driver_id.as_ref().is_none_or(|id| crews.contains(id))),
            "no alert of the run before is open"
        );
        stop.cancel();
        ends.push(task);
    }
    for task in ends {
        task.await.expect("no panic").expect("an orderly end");
    }
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dispatcher_does_is_not_undone() {
    let stage = Stage::set().await;
    let (stop, task) = stage.begin(stage.options());
    let session = stage.session().await;
    let alert = until("an open alert", async || {
        let open = board(&session).await;
        open.open_alerts().iter().find(|alert| alert.status == AlertStatus::Active).map(|alert| alert.id.clone())
    })
    .await;
    session.alert_action(&alert, &AlertAction::Resolve).await.expect("resolved");
    // The world goes on for a while: two dozen more reports.
    let before = session.snapshot(None).await.expect("a snapshot").cursor;
    until("a change after it", async || {
        let now = session.snapshot(None).await.expect("a snapshot").cursor;
        let number = |cursor: &str| cursor.rsplit('.').next().and_then(|offset| offset.parse::<u64>().ok());
        (number(&now) >= number(&before).map(|offset| offset + 24)).then_some(())
    })
    .await;
    assert_eq!(board(&session).await.alerts[&alert].status, AlertStatus::Resolved);
    stop.cancel();
    task.await.expect("no panic").expect("an orderly end");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_no_ends_the_run_and_one_that_is_away_does_not() {
    let stage = Stage::set().await;
    let stranger = Issuer::new(&[7; 32], None, None);
    let refused = timeout(DEADLINE, run(stage.options(), stranger, CancellationToken::new())).await;
    assert!(matches!(refused.expect("an end"), Err(Error::Server(_))));

    // A server that is going down takes connections and drops them.
    let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", door.local_addr().expect("an address"));
    let (stop, task) = stage.begin(Options { url, ..stage.options() });
    for attempt in 1..=3 {
        let knock = timeout(DEADLINE, door.accept()).await;
        assert!(matches!(knock, Ok(Ok(_))), "attempt {attempt} comes, since it waits for the server");
    }
    stop.cancel();
    timeout(DEADLINE, task).await.expect("an end").expect("no panic").expect("an orderly end");

    for options in [Options { rate: f64::NAN, ..stage.options() }, Options { drivers: 1_000_000, ..stage.options() }] {
        assert!(run(options, stage.server.issuer().clone(), CancellationToken::new()).await.is_err());
    }
    stage.server.stop().await;
}
