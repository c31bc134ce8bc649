//! The server dies and comes back.

use anyhow::ensure;

use crate::board::{alert, row};
use crate::support::app::at;
use crate::support::scene::play;

#[tokio::test]
async fn the_app_says_that_the_server_is_gone_and_recovers_by_itself() {
    play("recovery", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        scene.redis.publish("acme", "alerts", &alert("before", "Raised before the crash")).await?;
        scene.app.see(&row("before")).await?;

        scene.server.kill();
        scene.app.see(&(at("link-state") + r#"[data-state="retrying"]"#)).await?;
        ensure!(scene.app.count(&row("before")).await? == 1, "the board was emptied when the server went away");

        scene.server.restart().await?;
        scene.server.ready().await?;
        // The app may still be waiting for its next attempt: then it learns of this one by catching up.
        scene.redis.publish("acme", "alerts", &alert("meanwhile", "Raised while the app was away")).await?;
        scene.app.see(&(at("link-state") + r#"[data-state="live"]"#)).await?;
        scene.app.see(&row("meanwhile")).await?;
        scene.redis.publish("acme", "alerts", &alert("after", "Raised after the recovery")).await?;
        scene.app.see(&row("after")).await?;

        for id in ["before", "meanwhile", "after"] {
            ensure!(scene.app.count(&row(id)).await? == 1, "the alert {id:?} is not on the board exactly once");
        }
        ensure!(scene.app.count(&at("alert-row")).await? == 3, "the board shows more than was published");
        Ok(())
    })
    .await;
}
