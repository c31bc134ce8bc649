//! The connection that exists only while somebody is in the view, and what travels on it.

use anyhow::{Result, ensure};

use crate::support::app::{App, at};
use crate::support::driver::Driver;
use crate::support::scene::{Scene, play};
use crate::support::wait;

#[tokio::test]
async fn the_connection_lives_as_long_as_somebody_is_in_the_view() {
    play("connection_count", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        for _ in 0..2 {
            let before = scene.server.messaging_connections().await?;
            ensure!(before == 0, "{before} messaging connections before the view was entered");
            enter_messaging(&scene.app).await?;
            connections(scene, 1).await?;
            scene.app.click(&at("nav-alerts")).await?;
            connections(scene, 0).await?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_dispatcher_and_a_driver_talk() {
    play("conversation", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        let token = scene.server.add_driver("acme", "driver-7", "Maria Lopez")?;
        let mut driver = Driver::connect(&scene.server, &token).await?;
        driver.send("Dock 4 is blocked, where do I go?").await?;

        // The driver wrote before the view was entered; that is history.
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        enter_messaging(&scene.app).await?;
        scene.app.click(&(at("conversation-row") + r#"[data-conversation-id="driver-7"]"#)).await?;
        scene.app.see_text(&message(false), "Dock 4 is blocked, where do I go?").await?;

        scene.app.fill("composer-input", "Take dock 9, they know you are coming.").await?;
        scene.app.click(&at("composer-send")).await?;
        let received = driver.receive().await?;
        ensure!(received.content == "Take dock 9, they know you are coming.", "{received:?}");
        ensure!(received.conversation_id.as_str() == "driver-7" && received.seq == 2, "{received:?}");
        scene.app.see_text(&message(true), "Take dock 9, they know you are coming.").await?;

        // And one that arrives while the view is open.
        let reply = driver.send("Thanks. Rolling there now.").await?;
        scene.app.see_text(&message(false), "Thanks. Rolling there now.").await?;
        ensure!(reply.seq == 3, "{reply:?}");

        // Leaving and coming back shows the same, and nothing twice.
        scene.app.click(&at("nav-alerts")).await?;
        connections(scene, 1).await?;
        enter_messaging(&scene.app).await?;
        scene.app.click(&(at("conversation-row") + r#"[data-conversation-id="driver-7"]"#)).await?;
        for seq in 1..=3 {
            let shown = at("message") + &format!(r#"[data-seq="{seq}"]"#);
            scene.app.see(&shown).await?;
            ensure!(scene.app.count(&shown).await? == 1, "message {seq} is shown more than once");
        }
        ensure!(scene.app.count(&at("message")).await? == 3, "there are more messages than were sent");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_message_is_found_and_its_conversation_opened_there() {
    play("search", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        let token = scene.server.add_driver("acme", "driver-7", "Maria Lopez")?;
        let mut driver = Driver::connect(&scene.server, &token).await?;
        driver.send("Der Sëal 4471 is broken\u{202e}").await?;
        for n in 1..=25 {
            driver.send(&format!("Stop {n} is done")).await?;
        }
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        enter_messaging(&scene.app).await?;
        scene.app.fill("filter", "seal 44").await?;
        scene.app.see_text(&at("search-hit"), "Maria Lopez").await?;
        ensure!(scene.app.count(&at("search-hit")).await? == 1, "one message matches");
        let marked = scene.app.texts(&(at("search-hit") + " mark")).await?;
        ensure!(marked == ["Sëal", "4471"], "{marked:?}");
        for _ in 0..2 {
            scene.app.click(&at("search-hit")).await?;
            scene.app.see_in_view(&(at("message") + r#"[data-seq="1"][data-sought="true"]"#)).await?;
            scene.app.click(".to-end").await?;
            scene.app.see_in_view(&(at("message") + r#"[data-seq="26"]"#)).await?;
        }
        scene.app.fill("filter", "nobody wrote this").await?;
        scene.app.see_none(&at("search-hit")).await?;
        scene.app.see_text(".hits-head", "None matches").await?;
        Ok(())
    })
    .await;
}

/// The selector of messages of the dispatcher's own, or of the driver's.
pub(crate) fn message(mine: bool) -> String {
    at("message") + &format!(r#"[data-mine="{mine}"]"#)
}

pub(crate) async fn enter_messaging(app: &App) -> Result<()> {
    app.click(&at("nav-messages")).await?;
    app.see(&(at("messaging-state") + r#"[data-state="live"]"#)).await?;
    Ok(())
}

/// Waits until the server counts `expected` messaging connections.
pub(crate) async fn connections(scene: &Scene, expected: u64) -> Result<()> {
    wait::until(&format!("the server counts {expected} messaging connections"), async || {
        Ok((scene.server.messaging_connections().await? == expected).then_some(()))
    })
    .await
}
