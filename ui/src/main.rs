//! The user interface of SALLY Realtime's desktop app: it draws, the core holds the connections.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`model`]: what is shown, in which order and in which words: pure functions, tested natively.
//! - [`bridge`]: the way to the core, Tauri's `invoke` and `Channel`; [`commands`]: what can be asked.
//! - [`state`]: the [`Desk`](state::Desk), everything the views are drawn from, and what changes it.
//! - [`view`]: the components. Each has its style sheet in `styles/`; the design tokens are in
//!   `styles/tokens.css`.

mod bridge;
mod commands;
mod model;
mod state;
mod view;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(view::App);
}
