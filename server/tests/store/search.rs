//! Finding messages by their words.

use jiff::{SignedDuration, Timestamp};
use sally_protocol::Message;
use sally_protocol::message::MAX_CONTENT_CHARS;
use sally_server::store::Database;
use sally_server::store::messages::Outgoing;
use sqlx::{AnyPool, Executor as _};

use crate::backend::{Backend, add_drivers, fresh, id, tenant, to_dispatch, to_drivers, user};
use crate::messages::{offset, send};

/// The texts that a search in `acme` finds.
async fn found(database: &Database, query: &str) -> Vec<String> {
    texts(database.search(&tenant("acme"), None, query, None, 100).await.unwrap())
}

fn texts(messages: Vec<Message>) -> Vec<String> {
    messages.into_iter().map(|message| message.content).collect()
}

/// A database in which driver `d1` has these messages.
async fn with_texts<B: Backend>(texts: &[&str]) -> (B, Database) {
    let (backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    for text in texts {
        send(&database, &to_drivers(&["d1"], text)).await;
    }
    (backend, database)
}

pub(crate) async fn a_message_is_found_by_its_words<B: Backend>() {
    let texts = ["Zoë waits at dock 4", "Plate M-AB 1234/X, see https://x.example/a?b=c", "Ждите на складе № 7", "🚚"];
    let (_backend, database) = with_texts::<B>(&texts).await;
    for (query, hit) in [
        ("zoe", 0),
        ("ZOË DOCK", 0),
        ("at", 0),
        ("ab-1234", 1),
        ("1234", 1),
        ("m ab", 1),
        ("x.example", 1),
        ("складе 7", 2),
        ("ЖДИТЕ", 2),
    ] {
        assert_eq!(found(&database, query).await, [texts[hit]], "{query}");
    }
    let sent = send(&database, &to_dispatch("d1", "whole")).await;
    assert_eq!(database.search(&tenant("acme"), None, "whole", None, 10).await.unwrap(), sent);
}

pub(crate) async fn every_word_must_be_there_and_the_last_may_be_a_beginning<B: Backend>() {
    let long = "x".repeat(MAX_CONTENT_CHARS);
    let (_backend, database) = with_texts::<B>(&["dock four east", "dock five west", &long]).await;
    assert_eq!(found(&database, "dock f").await, ["dock five west", "dock four east"]);
    assert_eq!(found(&database, "eas dock").await, Vec::<String>::new(), "only the last is a beginning");
    assert_eq!(found(&database, "four dock").await, ["dock four east"], "in any order");
    assert_eq!(found(&database, "dock dock").await.len(), 2);
    assert_eq!(found(&database, "ock").await, Vec::<String>::new(), "a word is found from its beginning");
    assert_eq!(found(&database, &long).await, [long]);
}

pub(crate) async fn a_search_is_one_tenants_and_one_conversations<B: Backend>() {
    let (_backend, database) = with_texts::<B>(&["secret one"]).await;
    send(&database, &to_drivers(&["d2"], "secret two")).await;
    for name in ["acme-2", "ACME", "a"] {
        let driver =
            sally_server::store::users::User { tenant: tenant(name), ..user("d1", sally_protocol::Role::Driver) };
        assert!(database.add_user(&driver).await.unwrap());
        let theirs = Outgoing { tenant: tenant(name), ..to_drivers(&["d1"], "secret t:acme c:d1") };
        send(&database, &theirs).await;
    }
    assert_eq!(found(&database, "secret").await, ["secret two", "secret one"]);
    let theirs = database.search(&tenant("a"), None, "secret", None, 10).await.unwrap();
    assert_eq!(texts(theirs), ["secret t:acme c:d1"]);
    assert!(database.search(&tenant("globex"), None, "secret", None, 10).await.unwrap().is_empty());
    assert_eq!(found(&database, "t:acme").await, Vec::<String>::new(), "what scopes a search can't be searched");
    let of_d1 = database.search(&tenant("acme"), Some(&id("d1")), "secret", None, 10).await.unwrap();
    assert_eq!(texts(of_d1), ["secret one"]);
}

pub(crate) async fn results_come_newest_first_in_pages<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    for n in 1..=7 {
        send(&database, &to_drivers(&["d1"], &format!("number {n}"))).await;
        send(&database, &to_drivers(&["d1"], "other")).await;
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = database.search(&tenant("acme"), None, "number", before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(offset(last));
        seen.push(texts(page));
    }
    assert_eq!(seen.concat(), (1..=7).rev().map(|n| format!("number {n}")).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
}

pub(crate) async fn any_text_is_only_words<B: Backend>() {
    let (_backend, database) = with_texts::<B>(&["dock AND gate", "NEAR the dock's \"gate\""]).await;
    let nothing = ["", " ", "\"", "'", "*", "-", "\0", "()", ":*", "&|!<->", "\u{202e}", "🚚", "\u{301}", "\\", "%_"];
    for query in nothing {
        assert_eq!(found(&database, query).await, Vec::<String>::new(), "{query:?}");
    }
    for query in ["dock AND", "dock OR gate", "NOT dock", "NEAR(dock gate)", "terms:dock", "d* OR g*", "dock & !gate"] {
        let words = query.to_lowercase();
        let all = found(&database, query).await;
        let has =
            |text: &str| words.split(|c: char| !c.is_alphanumeric()).all(|word| text.to_lowercase().contains(word));
        assert!(all.iter().all(|text| has(text)), "{query}: {all:?}");
    }
    assert_eq!(found(&database, "\"gate\" dock\0 ' ;--").await.len(), 2);
    assert_eq!(found(&database, "dock's").await, ["NEAR the dock's \"gate\""]);
    let every: String = (0..0x3000).chain(0x1_f000..0x1_f100).filter_map(char::from_u32).collect();
    found(&database, &every).await;
    found(&database, &"dock ".repeat(200)).await;
    found(&database, &"\u{10ffff}ß\u{fffd}ﷺ".repeat(50)).await;
}

pub(crate) async fn messages_of_an_older_server_are_found<B: Backend>() {
    let backend = B::fresh().await;
    older_database(&backend.url()).await;
    let database = backend.open().await;
    add_drivers(&database, &["d1"]).await;
    send(&database, &to_drivers(&["d1"], "old and new 4")).await;
    assert!(database.search(&tenant("globex"), None, "old", None, 10).await.unwrap().is_empty());
    assert!(database.index_words(2).await.unwrap(), "another tenant's search found none of their words");
    assert_eq!(found(&database, "old").await, ["old and new 4", "old Ö 3", "old Ö 2", "old Ö 1"]);
    assert!(!database.index_words(10).await.unwrap(), "the search has found the words of all");
    assert_eq!(found(&database, "o").await.len(), 4, "each once");
}

pub(crate) async fn words_that_two_nodes_find_at_once_are_found_once<B: Backend>() {
    let (backend, one) = fresh::<B>().await;
    add_drivers(&one, &["d1"]).await;
    let other = backend.open().await;
    for n in 1..=40 {
        send(&one, &to_drivers(&["d1"], &format!("number {n}"))).await;
        let (here, there) = tokio::join!(one.index_words(8), other.index_words(8));
        assert!(here.is_ok() && there.is_ok());
    }
    let all: Vec<String> = (1..=40).rev().map(|n| format!("number {n}")).collect();
    assert_eq!(found(&one, "number").await, all);
    assert_eq!(found(&other, "numb").await, all, "the newest first, each once");
}

pub(crate) async fn a_search_finds_what_is_being_given_its_words<B: Backend>() {
    let (backend, one) = fresh::<B>().await;
    add_drivers(&one, &["d1"]).await;
    let other = backend.open().await;
    for round in 1..=10 {
        for n in 1..=20 {
            send(&one, &to_drivers(&["d1"], &format!("round{round} number {n}"))).await;
        }
        let query = format!("round{round}");
        let (indexed, found) = tokio::join!(one.index_words(4), found(&other, &query));
        indexed.unwrap();
        assert_eq!(found.len(), 20, "round {round}");
    }
}

pub(crate) async fn messages_that_go_before_they_have_words_hold_nothing_up<B: Backend>() {
    let (_backend, database) = with_texts::<B>(&["old one", "old two"]).await;
    let later = Timestamp::now() + SignedDuration::from_secs(60);
    assert!(!database.remove_messages_before(&tenant("acme"), later, 10).await.unwrap());
    assert!(!database.index_words(10).await.unwrap(), "none is left");
    send(&database, &to_drivers(&["d2"], "new one")).await;
    assert_eq!(found(&database, "one").await, ["new one"]);
}

/// What a server made that knew no search, with three messages in it.
async fn older_database(url: &str) {
    sqlx::any::install_default_drivers();
    let pool =
        AnyPool::connect(&format!("{url}{}", if url.starts_with("sqlite") { "?mode=rwc" } else { "" })).await.unwrap();
    sqlx::migrate!("./migrations").run_to(2, &pool).await.unwrap();
    pool.execute("INSERT INTO inbox (tenant, epoch, head) VALUES ('acme', 1, 3)").await.unwrap();
    pool.execute(
        "INSERT INTO conversation (tenant, conversation_id, last_seq, driver_read_seq, dispatch_read_seq)
         VALUES ('acme', 'd1', 3, 0, 0)",
    )
    .await
    .unwrap();
    for n in [3, 1, 2] {
        let statement = format!(
            "INSERT INTO message (tenant, inbox_offset, conversation_id, seq, message_id, sender_id, sender_role,
                 recipient_id, content, priority, requires_ack, sent_at, client_message_id)
             VALUES ('acme', {n}, 'd1', {n}, 'm{n}', 'ann', 'dispatcher', 'd1', 'old Ö {n}', 'normal', 0, {n}, 'c{n}')"
        );
        pool.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    pool.close().await;
}
