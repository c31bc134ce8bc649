//! Alerts on their way from a publisher to a dispatcher's eyes.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::support::app::at;
use crate::support::scene::play;
use crate::support::wait;

/// A dispatcher is promised a second; a machine that runs all the tests at once gets two more.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A `new_alert` as a backend service publishes it.
pub(crate) fn alert(id: &str, title: &str) -> Value {
    json!({
        "type": "new_alert",
        "alert": {
            "id": id,
            "type": "hos_violation",
            "category": "compliance",
            "priority": "critical",
            "status": "active",
            "title": title,
            "message": "Eleven hours of driving are up in twenty minutes.",
            "driverId": "driver-7",
            "driverName": "Maria Lopez",
            "vehicleUnit": "412",
            "escalationLevel": 0,
            "createdAt": "2026-01-01T08:00:00Z"
        }
    })
}

/// The selector of an alert's row.
pub(crate) fn row(id: &str) -> String {
    at("alert-row") + &format!(r#"[data-alert-id="{id}"]"#)
}

#[tokio::test]
async fn a_published_alert_shows_up_on_its_tenants_board_alone() {
    play("published_alert", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;

        scene.redis.publish("rival", "alerts", &alert("theirs", "Somebody else's trouble")).await?;
        let rival = scene.server.service_token("rival")?;
        wait::until("the rival's alert is in the rival's log", async || {
            Ok(scene.server.snapshot_mentions(&rival, "Somebody else's trouble").await?.then_some(()))
        })
        .await?;

        let published = Instant::now();
        scene.redis.publish("acme", "alerts", &alert("ours", "Maria is about to run out of hours")).await?;
        scene.app.see_text(&row("ours"), "Maria is about to run out of hours").await?;
        let took = published.elapsed();
        println!("from PUBLISH to the board: {took:?}");
        ensure!(took < AT_ONCE, "the alert took {took:?}");

        ensure!(scene.app.count(&at("alert-row")).await? == 1, "the board shows more than its own alert");
        ensure!(!scene.app.text().await?.contains("Somebody else's trouble"), "a foreign alert is on the board");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_dispatcher_acknowledges_and_resolves_an_alert() {
    play("alert_actions", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        scene.redis.publish("acme", "alerts", &alert("a1", "Reefer is warming up")).await?;

        scene.app.click(&(row("a1") + r#"[data-status="active"]"#)).await?;
        scene.app.click(&at("alert-acknowledge")).await?;
        scene.app.see(&(row("a1") + r#"[data-status="acknowledged"]"#)).await?;

        scene.app.click(&at("alert-resolve")).await?;
        scene.app.see_none(&row("a1")).await
    })
    .await;
}

#[tokio::test]
async fn a_dispatcher_snoozes_an_alert_by_keyboard() {
    play("snooze", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        scene.redis.publish("acme", "alerts", &alert("a1", "Reefer is warming up")).await?;

        scene.app.click(&(row("a1") + r#"[data-status="active"]"#)).await?;
        scene.app.press("z").await?;
        scene.app.see(&(at("snooze-for") + ":focus")).await?;
        scene.app.press("Escape").await?;
        scene.app.see_none(&at("snooze-for")).await?;
        scene.app.press("z").await?;
        scene.app.see(&(at("snooze-for") + r#"[data-minutes="15"]:focus"#)).await?;
        scene.app.press("Enter").await?;
        scene.app.see(&(row("a1") + r#"[data-status="snoozed"]"#)).await?;
        scene.app.see_none(&at("snooze-for")).await?;
        scene.app.see_text("[data-detail]", "Snoozed until").await?;
        // It can't be snoozed once more.
        scene.app.see(&(at("alert-snooze") + ":disabled")).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn several_alerts_are_marked_and_acted_on_at_once() {
    play("bulk", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        for id in ["a1", "a2", "a3", "a4"] {
            scene.redis.publish("acme", "alerts", &alert(id, "Reefer is warming up")).await?;
            scene.app.see(&row(id)).await?;
        }
        let acknowledged = |id: &str| row(id) + r#"[data-status="acknowledged"]"#;

        // By keyboard, a range of three.
        scene.app.click(&row("a1")).await?;
        scene.app.press("x").await?;
        scene.app.press("j").await?;
        scene.app.press("j").await?;
        scene.app.press("X").await?;
        scene.app.see_text(&at("bulk-bar"), "3 marked").await?;
        scene.app.press("a").await?;
        for id in ["a1", "a2", "a3"] {
            scene.app.see(&acknowledged(id)).await?;
        }
        scene.app.see(&(row("a4") + r#"[data-status="active"]"#)).await?;
        scene.app.see_none(&at("bulk-bar")).await?;

        // By pointer, and each button says for how many it is.
        for id in ["a1", "a4"] {
            scene.app.click(&(row(id) + " " + &at("alert-mark"))).await?;
        }
        scene.app.see_text(&at("bulk-acknowledge"), "1").await?;
        scene.app.click(&at("bulk-resolve")).await?;
        // They keep their place while the pointer is in the list.
        for id in ["a1", "a4"] {
            scene.app.see(&(row(id) + r#"[data-status="resolved"]"#)).await?;
        }
        scene.app.see(&acknowledged("a2")).await?;

        scene.app.click(&(row("a2") + " " + &at("alert-mark"))).await?;
        scene.app.press("z").await?;
        scene.app.see(&(at("snooze-for") + r#"[data-minutes="15"]:focus"#)).await?;
        scene.app.press("Enter").await?;
        scene.app.see(&(row("a2") + r#"[data-status="snoozed"]"#)).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_done_to_an_alert_is_taken_back_and_it_is_given_to_somebody() {
    play("take_back", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        scene.redis.publish("acme", "alerts", &alert("a1", "Reefer is warming up")).await?;
        scene.app.click(&(row("a1") + r#"[data-status="active"]"#)).await?;
        scene.app.see(&(at("alert-take-back") + ":disabled")).await?;
        scene.app.press("a").await?;
        scene.app.see(&(row("a1") + r#"[data-status="acknowledged"]"#)).await?;
        scene.app.click(&at("alert-take-back")).await?;
        scene.app.see(&(row("a1") + r#"[data-status="active"]"#)).await?;

        scene.app.press("s").await?;
        scene.app.fill("assign-field", "you").await?;
        scene.app.press("Enter").await?;
        scene.app.see_text("[data-detail] .facts", "You").await?;

        scene.app.click(&at("alert-resolve")).await?;
        scene.app.see_text(&at("alert-take-back"), "Reopen").await?;
        scene.app.press("O").await?;
        scene.app.see(&(row("a1") + r#"[data-status="active"]"#)).await?;
        Ok(())
    })
    .await;
}
