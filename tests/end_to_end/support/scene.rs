//! What one test needs, and the evidence it leaves when it fails.

use std::any::Any;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::FutureExt;

use super::app::App;
use super::display::Display;
use super::redis::Redis;
use super::server::Server;

/// How many lines of a log are evidence.
const LINES: usize = 40;

/// A server with its Redis, and an app on a display of its own that has not signed in.
pub(crate) struct Scene {
    pub(crate) app: App,
    pub(crate) server: Server,
    pub(crate) redis: Redis,
    pub(crate) folder: PathBuf,
    display: Display,
}

/// Plays `action` on a fresh scene.
///
/// # Panics
///
/// When it fails, with the page's text and the ends of the logs; the display's picture and the whole logs
/// remain in `target/e2e/<name>/`.
pub(crate) async fn play(name: &str, action: impl AsyncFnOnce(&mut Scene) -> Result<()>) {
    play_with(name, &[], action).await;
}

/// [`play`] with `variables` in the app's environment.
pub(crate) async fn play_with(
    name: &str,
    variables: &[(&str, &str)],
    action: impl AsyncFnOnce(&mut Scene) -> Result<()>,
) {
    let mut scene = match Scene::set(name, variables).await {
        Ok(scene) => scene,
        Err(error) => panic!("the scene of {name} could not be set: {error:#}"),
    };
    // A failed assertion deserves the same evidence as a returned error.
    let outcome = AssertUnwindSafe(action(&mut scene)).catch_unwind().await;
    match outcome.unwrap_or_else(|panic| Err(anyhow!("{}", words(&*panic)))) {
        Ok(()) => scene.clear(),
        Err(error) => panic!("{name}: {error:#}\n{}", scene.evidence().await),
    }
}

impl Scene {
    async fn set(name: &str, variables: &[(&str, &str)]) -> Result<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().context("no target folder")?;
        let folder = target.join("e2e").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let (redis, display) = tokio::try_join!(Redis::start(&folder), Display::start(&folder))?;
        let (server, app) = tokio::try_join!(Server::start(&folder, &redis), App::start(&folder, &display, variables))?;
        server.ready().await?;
        Ok(Self { app, server, redis, display, folder })
    }

    /// Kills the app and starts it again with what it has kept.
    pub(crate) async fn crash_app(&mut self) -> Result<()> {
        self.app.kill();
        self.app = App::start(&self.folder, &self.display, &[]).await?;
        Ok(())
    }

    /// Another app, with a display and a memory of its own.
    pub(crate) async fn another_app(&self) -> Result<(App, Display)> {
        let folder = self.folder.join("another");
        fs::create_dir_all(&folder)?;
        let display = Display::start(&folder).await?;
        Ok((App::start(&folder, &display, &[]).await?, display))
    }

    async fn evidence(&self) -> String {
        let picture = self.folder.join("failure.png");
        let picture = match self.display.capture(&picture) {
            Ok(()) => picture.display().to_string(),
            Err(error) => format!("none: {error:#}"),
        };
        let text = match tokio::time::timeout(Duration::from_secs(5), self.app.text()).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => format!("unreadable: {error:#}"),
            Err(_) => "unreadable: the app does not answer".into(),
        };
        let log = |name: &str| tail(&fs::read_to_string(self.folder.join(name)).unwrap_or_default());
        format!(
            "--- picture: {picture}\n--- text of the page:\n{text}\n--- end of server.log:\n{}\n--- end of app.log:\n{}",
            log("server.log"),
            log("app.log")
        )
    }

    /// Ends everything and removes what it has left behind.
    fn clear(self) {
        let Self { app, server, redis, display, folder } = self;
        drop((app, server, redis, display));
        // A leftover is overwritten by the next run.
        let _ = fs::remove_dir_all(folder);
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_else(|| "a panic".into())
}
