//! The server inside the app, with its simulated fleet.

use anyhow::Result;

use crate::support::app::{App, at};
use crate::support::scene::{play, play_with};
use crate::support::wait;

/// More rows than one story of the fleet has.
const FULL_BOARD: usize = 10;

#[tokio::test]
async fn this_computer_serves_a_fleet_that_fills_the_board_and_talks() {
    play("this_computer", async |scene| {
        let fleet = scene.app.see(&at("signin-fleet")).await?;
        if !fleet.is_selected().await? {
            fleet.click().await?;
        }
        scene.app.click(&at("signin-this-computer")).await?;
        fills(&scene.app).await?;
        scene.app.click(&at("nav-messages")).await?;
        // Drivers have something to say soon.
        scene.app.click(&(at("conversation-row") + r#"[data-unread="true"]"#)).await?;
        scene.app.see(&at("message")).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_demo_needs_no_sign_in() {
    play_with("demo", &[("SALLY_DESKTOP_DEMO", "1")], async |scene| fills(&scene.app).await).await;
}

async fn fills(app: &App) -> Result<()> {
    app.see(&(at("link-state") + r#"[data-state="live"]"#)).await?;
    wait::until("the board fills", async || Ok((app.count(&at("alert-row")).await? > FULL_BOARD).then_some(()))).await
}
