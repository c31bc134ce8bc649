//! Chromium without a screen, the size of a phone, driven through WebDriver.

use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::until_within;

/// How long a test waits for what must happen on a page.
pub(crate) const PAGE_PATIENCE: Duration = Duration::from_secs(30);

/// A browser is many processes: with more of them than this at a time, a small machine does nothing else.
static ROOM: Semaphore = Semaphore::const_new(2);

/// What a browser does by itself has no place in a test.
const QUIET: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-sync",
];

/// An open browser. Dropping it ends it and all its processes.
pub(crate) struct Browser {
    /// The page.
    pub page: Client,
    url: String,
    driver: Child,
    _profile: TempDir,
    _room: SemaphorePermit<'static>,
}

impl Browser {
    /// A browser that knows nothing yet.
    pub(crate) async fn open() -> Self {
        let room = ROOM.acquire().await.unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own, so that the browser's many processes end with it.
        command.process_group(0);
        let mut driver = command.spawn().expect("`cargo xtask test` installs chromium-driver");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("chromedriver says where it listens");
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').to_owned();
                }
            }
        };
        let port = tokio::time::timeout(PAGE_PATIENCE, port).await.expect("chromedriver listens in time");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });

        let url = format!("http://127.0.0.1:{port}");
        let profile = tempfile::tempdir().unwrap();
        let mut args: Vec<String> = QUIET.iter().map(|&argument| argument.to_owned()).collect();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": {
                "args": args,
                "mobileEmulation": { "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2, "touch": true } },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let capabilities: Capabilities = serde_json::from_value(capabilities).unwrap();
        let page = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&url).await.unwrap();
        Self { page, url, driver, _profile: profile, _room: room }
    }

    /// Waits until something matches the selector and can be seen.
    pub(crate) async fn shows(&self, selector: &str) {
        let script = "const found = document.querySelector(arguments[0]); return !!found && found.checkVisibility()";
        until_within(PAGE_PATIENCE, selector, async || self.evaluate(script, &[selector]).await == true).await;
    }

    /// Waits until a text can be read on the page.
    pub(crate) async fn says(&self, text: &str) {
        until_within(PAGE_PATIENCE, text, async || self.text().await.contains(text)).await;
    }

    /// What can be read on the page.
    pub(crate) async fn text(&self) -> String {
        self.evaluate("return document.body.innerText", &[]).await.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks what matches the selector, once it can be seen.
    pub(crate) async fn click(&self, selector: &str) {
        self.shows(selector).await;
        self.page.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// Clicks the button with this label.
    pub(crate) async fn press(&self, label: &str) {
        let path = format!("//button[normalize-space()='{label}']");
        let button = self.page.wait().at_most(PAGE_PATIENCE).for_element(Locator::XPath(&path)).await.unwrap();
        button.click().await.unwrap();
    }

    /// Types into what matches the selector.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        self.shows(selector).await;
        let field = self.page.find(Locator::Css(selector)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// What a script returns.
    pub(crate) async fn evaluate(&self, script: &str, arguments: &[&str]) -> Value {
        self.page.execute(script, arguments.iter().map(|argument| json!(argument)).collect()).await.unwrap()
    }

    /// What the browser has complained about since the last call.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let session = self.page.session_id().await.unwrap().unwrap();
        let request = reqwest::Client::new().post(format!("{}/session/{session}/se/log", self.url));
        let answer = request.json(&json!({ "type": "browser" })).timeout(Duration::from_secs(10)).send().await.unwrap();
        let log: Value = answer.json().await.unwrap();
        let entries = log["value"].as_array().expect("the browser's log").iter();
        let serious = entries.filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        serious.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = self.driver.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // A group that has ended since is what was wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
