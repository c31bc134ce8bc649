//! One message to several drivers, who acknowledges it, and the quick replies of a team.

use anyhow::{Result, ensure};

use crate::messaging::enter_messaging;
use crate::support::app::at;
use crate::support::driver::Driver;
use crate::support::scene::{Scene, play};

#[tokio::test]
async fn a_broadcast_says_who_has_acknowledged_it_and_who_is_missing() {
    play("broadcast", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        let maria = scene.server.add_driver("acme", "driver-7", "Maria Lopez")?;
        let ben = scene.server.add_driver("acme", "driver-8", "Ben Otto")?;
        let mut maria = Driver::connect(&scene.server, &maria).await?;
        let mut ben = Driver::connect(&scene.server, &ben).await?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        enter_messaging(&scene.app).await?;

        // Escape closes it from wherever the keyboard is, also from the search.
        scene.app.press("b").await?;
        scene.app.see(&at("broadcast-find")).await?;
        scene.app.press("Escape").await?;
        scene.app.see_none("dialog[open]").await?;
        scene.app.press("b").await?;
        scene.app.fill("broadcast-find", "maria").await?;
        scene.app.press("Enter").await?;
        scene.app.see_text(&at("broadcast-chip"), "Maria Lopez").await?;
        scene.app.click(&at("broadcast-every")).await?;
        scene.app.see_text(&at("broadcast-chip"), "Ben Otto").await?;
        scene.app.fill("broadcast-text", "Snow on I-40, chains on").await?;
        scene.app.click(&at("broadcast-ask")).await?;
        scene.app.click(&at("broadcast-review")).await?;
        scene.app.see_text(&at("broadcast-question"), "Send this to 2 drivers?").await?;
        scene.app.click(&at("broadcast-send")).await?;
        let to_maria = maria.receive().await?;
        let to_ben = ben.receive().await?;
        ensure!(
            to_maria.requires_ack && to_maria.client_message_id == to_ben.client_message_id,
            "{to_maria:?} {to_ben:?}"
        );

        ben.acknowledge(&to_ben).await?;
        scene.app.click(&conversation("driver-7")).await?;
        scene.app.see_text(&at("message"), "Snow on I-40, chains on").await?;
        scene.app.see_text(&at("message-asked"), "1 of 2 acknowledged").await?;
        scene.app.click(&at("message-asked")).await?;
        scene.app.see_text(&at("acknowledgements-missing"), "Maria Lopez").await?;
        scene.app.see_text(&at("acknowledgements-given"), "Ben Otto").await?;
        // And the sheet follows while it is open.
        maria.acknowledge(&to_maria).await?;
        scene.app.see_text(&at("acknowledgements-tally"), "2 of 2 acknowledged").await?;
        scene.app.see_none(&at("acknowledgements-missing")).await?;
        scene.app.press("Escape").await?;
        scene.app.see_none("dialog[open]").await?;
        scene.app.see_text(&at("message-asked"), "2 of 2 acknowledged").await?;

        // The other way round: a driver hears that what they asked for is given.
        let asked = maria.ask("The road is closed, I turn back").await?;
        scene.app.click(&at("message-acknowledge")).await?;
        maria.is_acknowledged(&asked).await?;
        scene.app.see_none(&at("message-acknowledge")).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_quick_reply_that_was_added_is_there_for_a_slash() {
    play("quick_reply", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        let token = scene.server.add_driver("acme", "driver-7", "Maria Lopez")?;
        let mut driver = Driver::connect(&scene.server, &token).await?;
        driver.send("Where do I go?").await?;
        scene.app.enter(scene.server.url(), "dana@acme.example").await?;
        enter_messaging(&scene.app).await?;

        add_quick_reply(scene).await?;
        scene.app.click(&conversation("driver-7")).await?;
        // A slash that was waved off is a slash.
        scene.app.fill("composer-input", "/").await?;
        scene.app.see(&at("template-choice")).await?;
        scene.app.press("Escape").await?;
        scene.app.see_none(&at("template-choice")).await?;
        scene.app.fill("composer-input", "Hm").await?;
        scene.app.fill("composer-input", "/gate").await?;
        scene.app.see_text(&at("template-choice"), "Gate four").await?;
        scene.app.press("Enter").await?;
        scene.app.see_value("composer-input", "Maria Lopez, use gate 4").await?;
        scene.app.click(&at("composer-send")).await?;
        ensure!(driver.receive().await?.content == "Maria Lopez, use gate 4", "something else was sent");
        Ok(())
    })
    .await;
}

async fn add_quick_reply(scene: &Scene) -> Result<()> {
    scene.app.click(&at("open-templates")).await?;
    scene.app.click(&at("template-new")).await?;
    scene.app.fill("template-title", "Gate four").await?;
    scene.app.fill("template-text", "{truck}, use gate 4").await?;
    scene.app.see_text(&at("template-problem"), "{truck} is not one of {driver}, {stop} and {eta}.").await?;
    scene.app.fill("template-text", "{driver}, use gate 4").await?;
    scene.app.click(&at("template-save")).await?;
    scene.app.see_text(&at("template-row"), "Gate four").await?;
    scene.app.click(&(at("template-sheet") + " .sheet-head .button")).await
}

fn conversation(id: &str) -> String {
    at("conversation-row") + &format!(r#"[data-conversation-id="{id}"]"#)
}
