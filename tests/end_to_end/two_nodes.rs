//! A conversation of two apps and a driver's phone, through every fault there is.

use anyhow::{Result, ensure};

use crate::address::Address;
use crate::browser::{Browser, PAGE_PATIENCE};
use crate::messaging::enter_messaging;
use crate::support::app::{App, at};
use crate::support::process::free_port;
use crate::support::scene::play;
use crate::support::server::{PASSWORD, Server};
use crate::support::until_within;

const DRIVER: &str = "driver-7";

/// Who takes part: Dana and the driver come by an address behind which the nodes change, Eli is at
/// the second node.
struct Conversation<'s> {
    dana: &'s App,
    eli: &'s App,
    maria: &'s Browser,
    said: Vec<String>,
}

#[derive(Clone, Copy)]
enum Who {
    Dana,
    Eli,
    Maria,
}

impl Conversation<'_> {
    /// The next line, as if it were said.
    fn next(&mut self) -> String {
        self.said.push(format!("This is line {}.", self.said.len() + 1));
        self.said[self.said.len() - 1].clone()
    }

    async fn says(&mut self, who: Who) -> Result<()> {
        let line = self.next();
        match who {
            Who::Dana => write(self.dana, &line).await,
            Who::Eli => write(self.eli, &line).await,
            Who::Maria => {
                self.maria.fill("#text", &line).await;
                self.maria.click("#composer button").await;
                Ok(())
            }
        }
    }

    /// Waits until everybody has every line, and sees that they have it once and in order.
    async fn all_have_it(&self) -> Result<()> {
        let wanted = &self.said;
        for (name, app) in [("Dana", self.dana), ("Eli", self.eli)] {
            let stored = at("message") + "[data-seq]";
            app.see_text(&stored, &wanted[wanted.len() - 1]).await?;
            let texts = app.texts(&stored).await?;
            let whole = texts.len() == wanted.len() && texts.iter().zip(wanted).all(|(text, line)| text.contains(line));
            ensure!(whole, "{name} sees {texts:?}");
            ensure!(app.count(&at("message")).await? == wanted.len(), "{name} sees more than was said");
        }
        let script = "return [...document.querySelectorAll('.text')].map((text) => text.textContent)";
        let has_all = async || self.maria.evaluate(script, &[]).await == serde_json::json!(wanted);
        until_within(PAGE_PATIENCE, &format!("the phone shows {wanted:?}"), has_all).await;
        Ok(())
    }
}

#[tokio::test]
async fn a_conversation_outlives_a_node_a_redis_and_an_app() {
    play("two_nodes", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.server.add_dispatcher("acme", "eli@acme.example")?;
        scene.server.add_driver_who_signs_in("acme", DRIVER, "maria@acme.example")?;
        let second = Server::start_as("second", &scene.folder, &scene.redis).await?;
        second.ready().await?;
        let address = Address::of(scene.server.port()?).await;
        let front = format!("http://127.0.0.1:{}", address.port);

        let (eli, _display) = scene.another_app().await?;
        open(&scene.app, &front, "dana@acme.example").await?;
        open(&eli, second.url(), "eli@acme.example").await?;
        let maria = Browser::open().await;
        maria.page.goto(&format!("{front}/driver")).await?;
        maria.fill("[name=email]", "maria@acme.example").await;
        maria.fill("[name=password]", PASSWORD).await;
        maria.press("Sign in").await;
        maria.says("at the desk").await;

        let mut talk = Conversation { dana: &scene.app, eli: &eli, maria: &maria, said: Vec::new() };
        for who in [Who::Dana, Who::Maria, Who::Eli] {
            talk.says(who).await?;
            talk.all_have_it().await?;
        }

        // A node dies with a message on its way.
        talk.says(Who::Dana).await?;
        scene.server.kill();
        address.move_to(second.port()?);
        talk.all_have_it().await?;
        talk.says(Who::Maria).await?;
        talk.all_have_it().await?;

        // Redis dies. Messages don't live in it.
        scene.redis.kill();
        for who in [Who::Eli, Who::Maria, Who::Dana] {
            talk.says(who).await?;
            talk.all_have_it().await?;
        }
        scene.redis.restart(&scene.folder).await?;

        // The node comes back, and with it those whose address leads there.
        scene.server.restart().await?;
        scene.server.ready().await?;
        address.move_to(scene.server.port()?);
        for who in [Who::Eli, Who::Maria] {
            talk.says(who).await?;
            talk.all_have_it().await?;
        }

        // Nobody is at the address when Dana writes, and then her app dies, too.
        address.move_to(free_port()?);
        scene.app.see(&(at("messaging-state") + r#"[data-state="retrying"]"#)).await?;
        talk.says(Who::Dana).await?;
        let said = std::mem::take(&mut talk.said);
        scene.app.see_text(&(at("message") + r#"[data-progress="Waiting"]"#), &said[said.len() - 1]).await?;
        scene.crash_app().await?;
        address.move_to(scene.server.port()?);
        open(&scene.app, &front, "dana@acme.example").await?;
        let mut talk = Conversation { dana: &scene.app, eli: &eli, maria: &maria, said };
        talk.all_have_it().await?;
        for who in [Who::Maria, Who::Dana, Who::Eli] {
            talk.says(who).await?;
            talk.all_have_it().await?;
        }
        Ok(())
    })
    .await;
}

/// Signs somebody in and opens the conversation with the driver.
async fn open(app: &App, server: &str, email: &str) -> Result<()> {
    app.enter(server, email).await?;
    enter_messaging(app).await?;
    app.click(&(at("conversation-row") + &format!(r#"[data-conversation-id="{DRIVER}"]"#))).await
}

async fn write(app: &App, text: &str) -> Result<()> {
    app.fill("composer-input", text).await?;
    app.click(&at("composer-send")).await
}
