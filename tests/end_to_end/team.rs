//! What the dispatch team shares: notes, and who looks after which conversation.

use anyhow::{Result, ensure};
use sally_client::{Server, Session};
use sally_protocol::Id;
use sally_protocol::team::NoteDraft;

use crate::messaging::enter_messaging;
use crate::support::app::at;
use crate::support::driver::Driver;
use crate::support::scene::{Scene, play};
use crate::support::wait;

#[tokio::test]
async fn notes_and_assignments_are_shared_by_the_team_and_by_nobody_else() {
    play("team", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        let token = scene.server.add_driver("acme", "driver-7", "Maria Lopez")?;
        let mut driver = Driver::connect(&scene.server, &token).await?;
        driver.send("Dock 4 is blocked, where do I go?").await?;
        let token = scene.server.add_colleague("acme", "eli", "Eli Stone")?;
        let eli = Session::issued(Server::check(scene.server.url()).await?, move || token.clone());
        let conversation: Id = "driver-7".parse()?;
        open(scene).await?;

        // What a colleague does elsewhere appears.
        scene.app.see_text(&at("assign-holder"), "Unassigned").await?;
        eli.assign(&conversation, Some(&"eli".parse()?)).await?;
        scene.app.see_text(&at("assign-holder"), "Eli Stone").await?;
        scene.app.see_text(&at("conversation-holder"), "Eli Stone").await?;
        let draft = NoteDraft {
            content: "Maria is new at this customer.\u{202e}".into(),
            client_note_id: uuid::Uuid::new_v4().to_string(),
        };
        eli.add_note(&conversation, &draft).await?;
        scene.app.see_text(&at("note"), "Eli Stone").await?;
        scene.app.see_text(&at("note"), "Drivers don't see this").await?;

        // What is done here, by keyboard, is the server's at once.
        scene.app.press("Escape").await?;
        scene.app.press("a").await?;
        scene.app.fill("assign-field", "you").await?;
        scene.app.press("Enter").await?;
        scene.app.see_text(&at("assign-holder"), "You").await?;
        scene.app.press("n").await?;
        scene.app.see(r#".composer[data-note="true"]"#).await?;
        scene.app.fill("composer-input", "Told the gate, they expect her at dock 9.").await?;
        scene.app.press("Enter").await?;
        scene.app.see_text(&(at("note") + r#"[data-stand="stored"]"#), "Told the gate").await?;
        let stored = eli.notes(&conversation, None, 10).await?.notes;
        ensure!(stored.len() == 2 && stored[1].content.starts_with("Told the gate"), "{stored:?}");
        let known = eli.conversations().await?.conversations;
        let assignee = known.first().and_then(|known| known.assignee_name.as_deref());
        ensure!(assignee == Some("Dana Dispatch"), "{known:?}");

        // The next message is one again, and the only thing that the driver has heard of all this.
        scene.app.click(&at("write-message")).await?;
        scene.app.fill("composer-input", "Take dock 9.").await?;
        scene.app.press("Enter").await?;
        let received = driver.receive().await?;
        ensure!(received.content == "Take dock 9." && received.seq == 2, "{received:?}");

        // All of it is there after a new start.
        scene.crash_app().await?;
        open(scene).await?;
        scene.app.see_text(&at("assign-holder"), "You").await?;
        scene.app.click(&(at("whose") + r#"[data-whose="unassigned"]"#)).await?;
        let lines = wait::until("two notes between two messages", async || {
            let lines = scene.app.texts(&format!("{}, {}", at("message"), at("note"))).await?;
            Ok((lines.len() == 4).then_some(lines))
        })
        .await?;
        for (line, part) in lines.iter().zip(["Dock 4 is", "Maria is new", "Told the gate", "Take dock 9."]) {
            ensure!(line.contains(part), "{lines:?}");
        }
        // It stays while it is open, and leaves the list then.
        scene.app.see(&at("conversation-row")).await?;
        scene.app.press("Escape").await?;
        scene.app.press("Escape").await?;
        scene.app.see_none(&at("conversation-row")).await
    })
    .await;
}

async fn open(scene: &Scene) -> Result<()> {
    scene.app.enter(scene.server.url(), "dana@acme.example").await?;
    enter_messaging(&scene.app).await?;
    scene.app.click(&(at("conversation-row") + r#"[data-conversation-id="driver-7"]"#)).await?;
    scene.app.see_text(&at("message"), "Dock 4 is blocked").await?;
    Ok(())
}
