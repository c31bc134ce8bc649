//! The window, and where it was last.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, PhysicalPosition, PhysicalSize, WebviewWindow, WebviewWindowBuilder, WindowEvent};

/// Where the window was, in physical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
    maximized: bool,
}

/// Opens the window where it was last, with the interface's own storage below `data_dir`.
pub(crate) fn open(app: &AppHandle, data_dir: &Path) -> anyhow::Result<()> {
    let config = app.config().app.windows.first().context("no window is configured")?;
    let window = WebviewWindowBuilder::from_config(app, config)?.data_directory(data_dir.join("webview")).build()?;
    let file = data_dir.join("window.json");
    if let Some(place) = load(&file)
        && let Err(error) = put(&window, place)
    {
        tracing::info!(%error, "the window can't be put where it was");
    }
    let watched = window.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { .. } = event {
            save(&watched, &file);
        }
    });
    Ok(())
}

/// A place on a screen that is no longer there would hide the window.
fn put(window: &WebviewWindow, place: Place) -> tauri::Result<()> {
    let (x, y) = (f64::from(place.x), f64::from(place.y));
    let middle = (x + f64::from(place.width) / 2.0, y + f64::from(place.height) / 2.0);
    if window.monitor_from_point(middle.0, middle.1)?.is_some() {
        window.set_position(PhysicalPosition::new(place.x, place.y))?;
        window.set_size(PhysicalSize::new(place.width, place.height))?;
    }
    if place.maximized {
        window.maximize()?;
    }
    Ok(())
}

/// What can't be read is as good as never written.
fn load(file: &Path) -> Option<Place> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

fn save(window: &WebviewWindow, file: &Path) {
    let saved = measure(window).map_err(anyhow::Error::from).and_then(|place| {
        // A maximized window goes back to the place that it had before.
        let before = load(file).filter(|_| place.maximized);
        Ok(write(before.map_or(place, |before| Place { maximized: true, ..before }), file)?)
    });
    if let Err(error) = saved {
        tracing::info!(%error, "the window's place can't be kept");
    }
}

fn measure(window: &WebviewWindow) -> tauri::Result<Place> {
    let (position, size) = (window.outer_position()?, window.inner_size()?);
    let maximized = window.is_maximized()?;
    Ok(Place { x: position.x, y: position.y, width: size.width, height: size.height, maximized })
}

fn write(place: Place, file: &Path) -> std::io::Result<()> {
    std::fs::write(file, serde_json::to_vec(&place)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_and_nonsense_is_ignored() {
        let data = tempfile::tempdir().expect("a directory");
        let file = data.path().join("window.json");
        assert_eq!(load(&file), None);
        let place = Place { x: -3, y: 40, width: 1280, height: 800, maximized: true };
        write(place, &file).expect("a file");
        assert_eq!(load(&file), Some(place));
        std::fs::write(&file, "{").expect("a file");
        assert_eq!(load(&file), None);
    }
}
