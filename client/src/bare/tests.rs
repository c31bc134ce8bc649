//! The connection against a scripted server on a loopback port.

use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_async;

use super::*;

type Peer = WebSocketStream<TcpStream>;

const OPEN: &str = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100000}"#;

/// Serves one connection by `script`; a script that fails fails the test that awaits it.
async fn server<F, S>(script: S) -> (String, JoinHandle<()>)
where
    S: FnOnce(Peer) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        script(accept_async(stream).await.expect("a WebSocket")).await;
    });
    (url, task)
}

async fn say(peer: &mut Peer, text: &str) {
    peer.send(Message::text(text)).await.expect("sent");
}

async fn hear(peer: &mut Peer) -> String {
    peer.next().await.expect("a frame").expect("a good frame").into_text().expect("text").to_string()
}

/// Opens the namespace from the server's side and returns what the client said to enter.
async fn welcome(peer: &mut Peer) -> String {
    say(peer, OPEN).await;
    let entered = hear(peer).await;
    say(peer, r#"40/messaging,{"sid":"n"}"#).await;
    entered
}

async fn open(url: &str) -> Result<Connection, Error> {
    Connection::open(url, "/messaging", &json!({"token": "t"})).await
}

#[tokio::test]
async fn it_enters_with_its_token_and_hears_events() {
    let (url, peer) = server(|mut peer| async move {
        assert_eq!(welcome(&mut peer).await, r#"40/messaging,{"token":"t"}"#);
        say(&mut peer, r#"42["not ours"]"#).await;
        say(&mut peer, r#"42/messaging,5["head",{"cursor":"c"}]"#).await;
        assert_eq!(hear(&mut peer).await, r#"43/messaging,5[{"ok":true}]"#);
    })
    .await;
    let mut connection = open(&url).await.expect("open");
    let Ok(Incoming::Event(event)) = connection.next().await else { panic!("no event") };
    assert_eq!(event.read::<sally_protocol::message::Head>().map(|head| head.cursor).as_deref(), Some("c"));
    connection.acknowledge(event.ack.expect("an id"), &json!({"ok": true})).await.expect("sent");
    peer.await.expect("the script");
}

#[tokio::test]
async fn a_call_gets_its_own_answer_and_loses_no_event() {
    let (url, peer) = server(|mut peer| async move {
        welcome(&mut peer).await;
        let first = hear(&mut peer).await;
        let second = hear(&mut peer).await;
        assert_eq!((first.as_str(), second.as_str()), (r#"42/messaging,0["a",1]"#, r#"42/messaging,1["b",2]"#));
        say(&mut peer, r#"42/messaging,["seen",1]"#).await;
        say(&mut peer, "43/messaging,0[\"late\"]").await;
        say(&mut peer, "43/messaging,1[\"mine\"]").await;
        let _ = peer.next().await;
    })
    .await;
    let mut connection = open(&url).await.expect("open");
    assert_eq!(connection.emit("a", &1).await.expect("sent"), 0);
    assert_eq!(connection.call("b", &2).await.expect("an answer"), json!("mine"));
    assert!(matches!(connection.next().await, Ok(Incoming::Event(event)) if event.name == "seen"));
    assert_eq!(connection.next().await.expect("the ack"), Incoming::Ack { id: 0, answer: json!("late") });
    connection.close().await;
    peer.await.expect("the script");
}

#[tokio::test]
async fn pings_are_answered() {
    let (url, peer) = server(|mut peer| async move {
        welcome(&mut peer).await;
        say(&mut peer, "2").await;
        assert_eq!(hear(&mut peer).await, "3");
        say(&mut peer, r#"42/messaging,["done"]"#).await;
        let _ = peer.next().await;
    })
    .await;
    let mut connection = open(&url).await.expect("open");
    assert!(matches!(connection.next().await, Ok(Incoming::Event(event)) if event.name == "done"));
    drop(connection);
    peer.await.expect("the script");
}

#[tokio::test]
async fn a_refusal_names_its_word() {
    let (url, _peer) = server(|mut peer| async move {
        say(&mut peer, OPEN).await;
        hear(&mut peer).await;
        say(&mut peer, r#"44/messaging,{"message":"token_expired"}"#).await;
        let _ = peer.next().await;
    })
    .await;
    assert!(matches!(open(&url).await, Err(Error::Refused { message }) if message == "token_expired"));
}

#[tokio::test]
async fn an_http_answer_is_a_status() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let peer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
        let mut request = [0; 4096];
        tokio::io::AsyncReadExt::read(&mut stream, &mut request).await.expect("a request");
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.expect("sent");
        stream
    });
    let refused = open(&url).await.expect_err("a refusal");
    assert!(
        matches!(refused, Error::Status { status: 503, retry_after: Some(wait) } if wait == Duration::from_secs(7)),
        "{refused:?}"
    );
    drop(peer.await);
}

#[tokio::test]
async fn nonsense_ends_the_connection() {
    let (url, _peer) = server(|mut peer| async move {
        welcome(&mut peer).await;
        say(&mut peer, "42/messaging,{").await;
        let _ = peer.next().await;
    })
    .await;
    let mut connection = open(&url).await.expect("open");
    let error = connection.next().await.expect_err("an error");
    assert!(matches!(error, Error::Nonsense(_)) && error.ends_connection());
}

#[tokio::test]
async fn being_put_out_or_left_is_closed() {
    for farewell in ["41/messaging,", "1"] {
        let (url, _peer) = server(move |mut peer| async move {
            welcome(&mut peer).await;
            say(&mut peer, farewell).await;
            let _ = peer.next().await;
        })
        .await;
        let mut connection = open(&url).await.expect("open");
        assert!(matches!(connection.next().await, Err(Error::Closed)), "{farewell}");
    }
}

#[tokio::test]
async fn a_server_without_pings_is_silent() {
    let (url, _peer) = server(|mut peer| async move {
        say(&mut peer, r#"0{"sid":"s","pingInterval":30,"pingTimeout":20}"#).await;
        hear(&mut peer).await;
        say(&mut peer, "40/messaging,{}").await;
        let _ = peer.next().await;
    })
    .await;
    let mut connection = open(&url).await.expect("open");
    assert!(matches!(connection.next().await, Err(Error::Silent)));
}

#[test]
fn addresses_are_completed() {
    let address = |url| websocket_url(url).ok();
    assert_eq!(address("http://h:1/x").as_deref(), Some("ws://h:1/x/socket.io/?EIO=4&transport=websocket"));
    assert_eq!(address("https://h").as_deref(), Some("wss://h/socket.io/?EIO=4&transport=websocket"));
    assert_eq!((address("ftp://h"), address("")), (None, None));
}

#[test]
fn answers_are_read_as_the_contract_has_them() {
    let refused = json!({"ok": false, "error": {"code": "rate_limited", "message": "slow down", "retryable": true, "retryAfterMs": 40}});
    assert!(
        matches!(read_answer::<Value>(refused), Err(Error::Request(error)) if error.retry_after_ms == Some(40) && error.retryable)
    );
    for nonsense in [json!(null), json!([1]), json!({"ok": false}), json!({"ok": "yes"})] {
        assert!(matches!(read_answer::<Value>(nonsense), Err(Error::Nonsense(_))));
    }
    assert!(matches!(read_answer::<sally_protocol::message::Sent>(json!({"ok": true})), Err(Error::Nonsense(_))));
}
