//! What a log in a database promises beyond the others.

use std::time::Duration;

use jiff::Timestamp;
use sally_server::log::{LogError, Page, Position};
use serde_json::json;

use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::backend::Sql;
use crate::node::{KEEP, event, fresh, offsets, tenant};

async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.unwrap()
}

async fn occupy(connection: &mut AnyConnection, offset: i64) {
    sqlx::query(
        "INSERT INTO log_event (tenant, log_offset, kind, readers, json, logged_at) VALUES ('acme', $1, '', '', '', $2)",
    )
    .bind(offset)
    .bind(Timestamp::now().as_millisecond())
    .execute(connection)
    .await
    .unwrap();
}

pub(crate) async fn a_batch_that_fails_leaves_nothing<B: Sql>() {
    let (backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    let mut listener = node.listen(&acme).await;
    let alert = |id: &str| event(&json!({ "type": "new_alert", "eventId": format!("e-{id}"), "alert": { "id": id } }));
    node.append(&acme, &alert("a1")).await;
    // The third of the next batch will find its place taken.
    let mut outsider = connect(&backend.url()).await;
    occupy(&mut outsider, 4).await;
    let batch = || ["a2", "a3", "a4"].map(|id| (acme.clone(), alert(id))).to_vec();
    assert!(matches!(node.log.append(batch()).await, Err(LogError::Backend(_))));
    assert_eq!(node.log.position(&acme).await.unwrap(), Position { offset: 1, ..begun });
    assert_eq!(node.snapshot(&acme).await.len(), 1);
    listener.next(1).await;
    assert!(listener.is_at_end().await, "the hub is told what is committed and nothing else");
    // Neither is it remembered as a repeat.
    sqlx::query("DELETE FROM log_event WHERE log_offset = 4").execute(&mut outsider).await.unwrap();
    let appended = node.log.append(batch()).await.unwrap();
    let plain: Vec<_> = appended.iter().map(|appended| (appended.position.offset, appended.duplicate)).collect();
    assert_eq!(plain, [(2, false), (3, false), (4, false)]);
    assert_eq!(offsets(&listener.next(3).await), [2, 3, 4]);
}

/// Two nodes that write one log without knowing of each other are a mistake. It must come out as
/// an error and never as two events in one place.
pub(crate) async fn a_second_writer_is_noticed<B: Sql>() {
    let (backend, one) = fresh::<B>().await;
    let two = backend.open(KEEP).await;
    let acme = tenant("acme");
    let begun = one.log.position(&acme).await.unwrap();
    let plain = || event(&json!({ "type": "zz_top" }));
    one.append(&acme, &plain()).await;
    assert_eq!(two.append(&acme, &plain()).await.position, Position { offset: 2, ..begun });
    let refused = one.log.append(vec![(acme.clone(), plain())]).await;
    assert!(matches!(refused, Err(LogError::Backend(_))), "{refused:?}");
    // From then on it knows better, until the other writes again.
    assert_eq!(one.append(&acme, &plain()).await.position.offset, 3);
    assert_eq!(offsets(&one.read_all(&acme, begun).await), [1, 2, 3]);
    // Neither does it write in a place that was taken and is free again.
    let outsider = &mut connect(&backend.url()).await;
    sqlx::query("UPDATE log_tenant SET head = 9").execute(outsider).await.unwrap();
    assert!(one.log.append(vec![(acme.clone(), plain())]).await.is_err());
    assert_eq!(one.append(&acme, &plain()).await.position.offset, 10);
}

pub(crate) async fn an_entity_leaves_whole_when_its_time_has_come<B: Sql>() {
    let (backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let plan = |status: &str| event(&json!({ "type": "route_status", "planId": "p1", "status": status }));
    let eta = |stop: &str| event(&json!({ "type": "eta_update", "planId": "p1", "stopId": stop }));
    let mut outsider = connect(&backend.url()).await;
    let mut stays = async || -> Vec<Duration> {
        let rows = sqlx::query("SELECT leaves_at FROM log_slot ORDER BY leaves_at");
        let rows = rows.fetch_all(&mut outsider).await.unwrap();
        let now = Timestamp::now().as_millisecond();
        rows.iter().map(|row| Duration::from_millis((row.get::<i64, _>("leaves_at") - now) as u64)).collect()
    };
    let about = |days: u64| {
        let end = Duration::from_secs(days * 86_400);
        move |stay: &Duration| *stay <= end && end - *stay < Duration::from_secs(60)
    };
    node.append_each(&acme, &[eta("s1"), plan("active")]).await;
    assert!(stays().await.iter().all(about(7)));
    node.append_each(&acme, &[plan("completed"), eta("s1"), eta("s2")]).await;
    let after = stays().await;
    assert!(after.len() == 3 && after.iter().all(about(1)), "{after:?}");
    node.append(&acme, &plan("active")).await;
    assert!(stays().await.iter().all(about(7)), "what lives again stays with all its parts");

    sqlx::query("UPDATE log_slot SET leaves_at = $1")
        .bind(Timestamp::now().as_millisecond() - 1)
        .execute(&mut outsider)
        .await
        .unwrap();
    assert!(node.snapshot(&acme).await.is_empty());
    node.log.trim().await.unwrap();
    assert!(node.log.entity(&acme, "plan:p1").await.unwrap().is_empty());
}

pub(crate) async fn a_hole_is_never_read_over<B: Sql>() {
    let (backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    for _ in 0..6 {
        node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    }
    // As when the clock was set back between the third and the fourth.
    let outsider = &mut connect(&backend.url()).await;
    sqlx::query("DELETE FROM log_event WHERE log_offset = 4").execute(outsider).await.unwrap();
    assert_eq!(offsets(&node.page(&acme, begun, 100).await), [1, 2, 3]);
    let at_the_hole = node.log.read(&acme, Position { offset: 3, ..begun }, 100).await.unwrap();
    assert!(matches!(at_the_hole, Page::TooOld), "{at_the_hole:?}");
    assert_eq!(offsets(&node.page(&acme, Position { offset: 4, ..begun }, 100).await), [5, 6]);
}

pub(crate) async fn a_lot_that_is_too_old_goes<B: Sql>() {
    const COUNT: i64 = 5_000;
    let (backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    let outsider = &mut connect(&backend.url()).await;
    let numbers = "WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < $1)";
    for insert in [
        "INSERT INTO log_event (tenant, log_offset, kind, readers, json, logged_at) SELECT 'acme', n, '', '', '', 1 FROM n",
        "INSERT INTO log_repeat (tenant, event_id, log_offset, logged_at) SELECT 'acme', 'e' || n, n, 1 FROM n",
    ] {
        let statement = sqlx::AssertSqlSafe(format!("{numbers} {insert}"));
        sqlx::query(statement).bind(COUNT).execute(&mut *outsider).await.unwrap();
    }
    sqlx::query("UPDATE log_tenant SET head = $1").bind(COUNT).execute(&mut *outsider).await.unwrap();
    node.log.trim().await.unwrap();
    for table in ["log_event", "log_repeat"] {
        let statement = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS left_over FROM {table} WHERE logged_at = 1"));
        let row = sqlx::query(statement).fetch_one(&mut *outsider).await.unwrap();
        assert_eq!(row.get::<i64, _>("left_over"), 0, "{table}");
    }
}
