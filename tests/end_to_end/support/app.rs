//! The desktop app, as its binary, driven through WebDriver.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use super::display::Display;
use super::process::{Process, free_port};
use super::server::PASSWORD;
use super::wait;

/// How often ports are asked for, since another process may take one first.
const TRIES: u32 = 3;

/// How long the driver may take to close the app.
const CLOSING: Duration = Duration::from_secs(5);

/// A running app. Its window is closed when it is dropped, and what remains of it is killed.
pub(crate) struct App {
    client: Client,
    /// `None` once it has been killed.
    session: Option<String>,
    port: u16,
    driver: Option<Process>,
    _bus: Process,
}

impl App {
    /// Starts it on `display`, with everything it keeps below `folder`, and `variables` in its environment.
    pub(crate) async fn start(folder: &Path, display: &Display, variables: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--nopidfile", "--print-address=1"]);
        let already = fs::read_to_string(folder.join("bus.log")).map_or(0, |log| log.len());
        let mut bus = Process::start(&mut command, "bus", folder)?;
        let address = bus.line(already, |line| line.starts_with("unix:").then(|| line.trim().to_owned())).await?;

        let home = folder.join("home");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&home)?;
        let mut last = None;
        for _ in 0..TRIES {
            let (port, native_port) = (free_port()?, free_port()?);
            let mut command = Command::new("tauri-driver");
            command.args(["--port", &port.to_string(), "--native-port", &native_port.to_string()]);
            // The app inherits all of this from the driver.
            command.env("DISPLAY", display.name()).env("DBUS_SESSION_BUS_ADDRESS", &address);
            command.env_remove("WAYLAND_DISPLAY").env_remove("SALLY_DESKTOP_DEMO");
            command.env("HOME", &home).env("XDG_RUNTIME_DIR", &home);
            for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
                command.env_remove(name);
            }
            // No graphics card, no accessibility bus: the web view draws in software.
            command.envs([
                ("NO_AT_BRIDGE", "1"),
                ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
                ("LIBGL_ALWAYS_SOFTWARE", "1"),
            ]);
            command.envs(variables.iter().copied());
            let mut driver = Process::start(&mut command, "app", folder)?;
            match open(port, native_port, &mut driver).await {
                Ok(client) => {
                    let session = client.session_id().await?.context("a session without an id")?;
                    return Ok(Self { client, session: Some(session), port, driver: Some(driver), _bus: bus });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try")?)
    }

    /// Ends it as a power cut would, by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.session = None;
        self.driver = None;
    }

    /// Fills the form in and sends it.
    pub(crate) async fn sign_in(&self, server: &str, email: &str, password: &str) -> Result<()> {
        self.fill("signin-server", server).await?;
        self.fill("signin-email", email).await?;
        self.fill("signin-password", password).await?;
        self.click(&at("signin-submit")).await
    }

    /// Signs in with the password of everyone and waits until the board is live.
    pub(crate) async fn enter(&self, server: &str, email: &str) -> Result<()> {
        self.sign_in(server, email, PASSWORD).await?;
        self.see(&(at("link-state") + r#"[data-state="live"]"#)).await?;
        // Leaves the pointer on the rail: while it is in a list, what is new waits to be let in.
        self.click(&at("nav-alerts")).await
    }

    /// Waits for an element that is displayed.
    pub(crate) async fn see(&self, css: &str) -> Result<Element> {
        wait::until(&format!("{css} is displayed"), async || {
            for element in self.client.find_all(Locator::Css(css)).await? {
                if element.is_displayed().await? {
                    return Ok(Some(element));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Waits for a displayed element that holds `text`; that an ellipsis may stand for the end of it is no matter.
    pub(crate) async fn see_text(&self, css: &str, text: &str) -> Result<Element> {
        wait::until(&format!("{css} holds {text:?}"), async || {
            for element in self.client.find_all(Locator::Css(css)).await? {
                let held = element.prop("textContent").await?.unwrap_or_default();
                if held.contains(text) && element.is_displayed().await? {
                    return Ok(Some(element));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Waits until no element is left.
    pub(crate) async fn see_none(&self, css: &str) -> Result<()> {
        wait::until(&format!("{css} is gone"), async || Ok((self.count(css).await? == 0).then_some(()))).await
    }

    /// How many elements there are now.
    pub(crate) async fn count(&self, css: &str) -> Result<usize> {
        Ok(self.client.find_all(Locator::Css(css)).await?.len())
    }

    /// Clicks on an element as soon as it can be clicked on.
    pub(crate) async fn click(&self, css: &str) -> Result<()> {
        wait::until(&format!("{css} can be clicked on"), async || {
            self.client.find(Locator::Css(css)).await?.click().await?;
            Ok(Some(()))
        })
        .await
    }

    /// Types `text` into the field named `testid`, in place of what is there.
    pub(crate) async fn fill(&self, testid: &str, text: &str) -> Result<()> {
        let field = self.see(&at(testid)).await?;
        field.clear().await?;
        field.send_keys(text).await?;
        let value = field.prop("value").await?.unwrap_or_default();
        ensure!(value == text, "{testid} holds {value:?} after {text:?} was typed");
        Ok(())
    }

    /// Presses a key, named as in `KeyboardEvent.key`, where the focus is.
    pub(crate) async fn press(&self, key: &str) -> Result<()> {
        let key = match key {
            "Enter" => Key::Enter.to_string(),
            "Escape" => Key::Escape.to_string(),
            letter => letter.to_owned(),
        };
        self.client.active_element().await?.send_keys(&key).await.context("the key can't be pressed")
    }

    /// Waits until the field named `testid` holds `text`.
    pub(crate) async fn see_value(&self, testid: &str, text: &str) -> Result<()> {
        let field = self.see(&at(testid)).await?;
        wait::until(&format!("{testid} holds {text:?}"), async || {
            Ok((field.prop("value").await?.as_deref() == Some(text)).then_some(()))
        })
        .await
    }

    /// Waits until the whole of an element is within the window.
    pub(crate) async fn see_in_view(&self, css: &str) -> Result<()> {
        let script = "const found = document.querySelector(arguments[0])?.getBoundingClientRect();
            return Boolean(found) && found.top >= 0 && found.bottom <= innerHeight";
        wait::until(&format!("{css} is in view"), async || {
            Ok(self.client.execute(script, vec![css.into()]).await?.as_bool().filter(|seen| *seen).map(drop))
        })
        .await
    }

    /// The texts of all elements, in the order of the page.
    pub(crate) async fn texts(&self, css: &str) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])].map((found) => found.textContent)";
        let texts = self.client.execute(script, vec![css.into()]).await?;
        serde_json::from_value(texts).context("not a list of texts")
    }

    /// What a person could read in the window.
    pub(crate) async fn text(&self) -> Result<String> {
        let text = self.client.execute("return document.body.innerText", Vec::new()).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // Asked by a plain request, since nothing can be awaited here. Should it fail, the kill that follows does it.
        let _ = self.session.as_ref().map(|session| close(self.port, session));
    }
}

/// The selector of what carries `testid`.
pub(crate) fn at(testid: &str) -> String {
    format!(r#"[data-testid="{testid}"]"#)
}

async fn open(port: u16, native_port: u16, driver: &mut Process) -> Result<Client> {
    // The driver passes everything on to WebKit's, which it has started and doesn't wait for.
    let listens = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
    wait::until("the drivers listen", async || {
        // Nobody there yet is no error, an end is one that waiting doesn't mend.
        Ok(((listens(port) && listens(native_port)) || driver.has_ended()?).then_some(()))
    })
    .await?;
    ensure!(!driver.has_ended()?, "tauri-driver has ended: {}", driver.log()?);
    let application = env!("CARGO_BIN_EXE_sally-desktop");
    let capabilities = [("tauri:options".to_owned(), json!({ "application": application }))];
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities.into_iter().collect());
    builder.connect(&format!("http://127.0.0.1:{port}")).await.context("the app does not start")
}

fn close(port: u16, session: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(CLOSING))?;
    write!(stream, "DELETE /session/{session} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}
