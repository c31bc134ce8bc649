//! The desktop app of SALLY Realtime: the core that holds the connections, and the window that
//! draws.
//!
//! The core is one task, the [`desk`], that owns the session and whatever hangs on it; commands
//! of the interface become orders to it, or calls with the session it has published.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`commands`]: what the interface can ask; `failure`: what it is told when that fails.
//! - [`core`]: the handle that commands go through.
//! - [`desk`]: who is signed in, and which connections are open.
//! - [`feed`]: from a connection to the interface.
//! - [`courier`]: what is written, on the disk and on its way to the server.
//! - [`this_computer`]: the server inside the app.
//! - [`window`]: the window, and where it was last.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod core;
mod courier;
mod desk;
mod failure;
mod feed;
mod this_computer;
mod window;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tauri::{AppHandle, Manager, RunEvent};
use tracing_subscriber::EnvFilter;

use crate::core::Core;

/// Overrides the data directory, so that tests don't touch the user's.
const DATA_DIR: &str = "SALLY_DESKTOP_DATA_DIR";

/// What is logged when `RUST_LOG` doesn't say.
const LOG: &str = "warn,sally_desktop=info,sally_client=info,sally_server=info";

/// How long the app takes leave of the server at most.
const FAREWELL: Duration = Duration::from_secs(5);

fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG));
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal).init();

    let app = tauri::Builder::default()
        .setup(|app| {
            let data_dir = data_dir(app.handle())?;
            std::fs::create_dir_all(&data_dir).with_context(|| format!("can't make {}", data_dir.display()))?;
            app.manage(Core::start(data_dir.clone()));
            window::open(app.handle(), &data_dir)?;
            tauri::async_runtime::spawn(end_on_signal(app.handle().clone()));
            Ok(())
        })
        .invoke_handler(tauri::generate_handler![
            commands::open,
            commands::demo,
            commands::sign_in,
            commands::use_this_computer,
            commands::sign_out,
            commands::enter_messaging,
            commands::leave_messaging,
            commands::conversations,
            commands::templates,
            commands::team,
            commands::assign,
            commands::notes,
            commands::add_note,
            commands::discard_note,
            commands::add_template,
            commands::change_template,
            commands::remove_template,
            commands::acknowledgements,
            commands::awaited_acknowledgements,
            commands::history,
            commands::search,
            commands::send_messages,
            commands::retry_message,
            commands::discard_message,
            commands::mark_read,
            commands::acknowledge_message,
            commands::set_typing,
            commands::alert_action,
            commands::alert_actions,
        ])
        .build(tauri::generate_context!())
        .context("the app can't be built")?;

    let mut is_leaving = false;
    app.run(move |app, event| {
        if let RunEvent::ExitRequested { code, api, .. } = event
            && !is_leaving
        {
            is_leaving = true;
            api.prevent_exit();
            let app = app.clone();
            tauri::async_runtime::spawn(async move {
                let core = app.state::<Core>().inner().clone();
                if tokio::time::timeout(FAREWELL, core.quit()).await.is_err() {
                    tracing::warn!("the connections didn't close in time");
                }
                app.exit(code.unwrap_or_default());
            });
        }
    });
    Ok(())
}

fn data_dir(app: &AppHandle) -> anyhow::Result<PathBuf> {
    match std::env::var_os(DATA_DIR) {
        Some(dir) => Ok(dir.into()),
        None => app.path().app_data_dir().context("the platform names no data directory"),
    }
}

/// Ends the app in the ordinary way when the system asks it to.
async fn end_on_signal(app: AppHandle) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        app.exit(0);
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        app.exit(0);
    }
}
