//! What is written while the server is away.

use anyhow::{Result, ensure};

use crate::messaging::{connections, enter_messaging, message};
use crate::support::app::at;
use crate::support::driver::Driver;
use crate::support::scene::{Scene, play};

/// What a dispatcher writes while nobody can hear it.
const WRITTEN: [&str; 3] = ["Dock 4 is blocked.", "Take dock 9 instead.", "They know you are coming."];

/// What a dispatcher leaves for the team meanwhile.
const NOTED: &str = "The gate closes at six.";

#[tokio::test]
async fn what_is_written_offline_outlives_the_app_and_arrives_once_and_in_order() {
    play("outbox", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        let token = scene.server.add_driver("acme", "driver-7", "Maria Lopez")?;
        let mut driver = Driver::connect(&scene.server, &token).await?;
        driver.send("Where do I go?").await?;
        open_conversation(scene).await?;
        scene.app.see_text(&message(false), "Where do I go?").await?;

        drop(driver);
        scene.server.kill();
        scene.app.see(&(at("messaging-state") + r#"[data-state="retrying"]"#)).await?;
        for text in WRITTEN {
            write(scene, text).await?;
            scene.app.see_text(&(message(true) + r#"[data-progress="Waiting"]"#), text).await?;
        }
        scene.app.see_text(&at("message-waits"), "There is no connection to the server.").await?;
        scene.app.click(&at("write-note")).await?;
        write(scene, NOTED).await?;
        scene.app.see_text(&(at("note") + r#"[data-stand="failed"]"#), NOTED).await?;
        scene.app.see_text(&at("nav-unsent"), "4").await?;

        scene.crash_app().await?;
        scene.server.restart().await?;
        let mut driver = Driver::connect(&scene.server, &token).await?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        scene.app.see_text(&at("nav-unsent"), "4").await?;
        // Only the driver's.
        connections(scene, 1).await?;

        enter_messaging(&scene.app).await?;
        for (text, seq) in WRITTEN.into_iter().zip(2..) {
            let received = driver.receive().await?;
            ensure!(received.content == text && received.seq == seq, "{received:?}");
        }
        scene.app.see_none(&at("nav-unsent")).await?;
        scene.app.click(&conversation()).await?;
        scene.app.see_text(&(at("note") + r#"[data-stand="stored"]"#), NOTED).await?;
        ensure!(scene.app.count(&at("note")).await? == 1, "the note is there more than once");
        write(scene, "Drive safely.").await?;
        let last = driver.receive().await?;
        ensure!(last.content == "Drive safely." && last.seq == 5, "something arrived twice: {last:?}");
        scene.app.see_text(&(message(true) + r#"[data-progress="Sent"]"#), "They know you are coming.").await?;
        scene.app.see_text(&message(true), "Drive safely.").await?;
        ensure!(scene.app.count(&at("message")).await? == 5, "there are more messages than were written");
        Ok(())
    })
    .await;
}

async fn open_conversation(scene: &Scene) -> Result<()> {
    scene.app.enter(scene.server.url(), "dana@acme.example").await?;
    enter_messaging(&scene.app).await?;
    scene.app.click(&conversation()).await
}

fn conversation() -> String {
    at("conversation-row") + r#"[data-conversation-id="driver-7"]"#
}

async fn write(scene: &Scene, text: &str) -> Result<()> {
    scene.app.fill("composer-input", text).await?;
    scene.app.click(&at("composer-send")).await
}
