//! The form, and what it says when it can't let somebody in.

use anyhow::ensure;
use sally_protocol::PROTOCOL_HEADER;

use crate::support::app::at;
use crate::support::impostor::Impostor;
use crate::support::process::free_port;
use crate::support::scene::play;

#[tokio::test]
async fn a_refused_sign_in_says_so_and_can_be_corrected() {
    play("refused_sign_in", async |scene| {
        scene.server.add_dispatcher("acme", "dana@acme.example")?;
        scene.app.sign_in(scene.server.url(), "dana@acme.example", "not the password").await?;
        scene.app.see_text(&at("signin-error"), "password").await?;
        ensure!(scene.app.count(&at("link-state")).await? == 0, "the board opened after a refusal");

        scene.app.enter(scene.server.url(), "dana@acme.example").await
    })
    .await;
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_explained() {
    play("unusable_servers", async |scene| {
        let website = Impostor::start("content-type: text/html\r\n", "<h1>Welcome</h1>").await?;
        let newer = Impostor::start(
            &format!("content-type: application/json\r\n{PROTOCOL_HEADER}: 999\r\n"),
            r#"{"status":"ok","name":"sally-realtime","version":"999.0.0","protocol":999}"#,
        )
        .await?;
        let nobody = format!("http://127.0.0.1:{}", free_port()?);
        for (address, sentence) in [
            (nobody.as_str(), "Nothing is listening at"),
            (website.url(), "isn't a SALLY Realtime server"),
            (newer.url(), "Update this program."),
        ] {
            scene.app.sign_in(address, "dana@acme.example", "any password").await?;
            scene.app.see_text(&at("signin-error"), sentence).await?;
        }
        Ok(())
    })
    .await;
}
