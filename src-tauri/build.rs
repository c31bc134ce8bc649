//! Compiles the window's configuration, capabilities and icons into the desktop app.

const CAPABILITIES: &str = "src-tauri/capabilities/*.json";

fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    // The interface is compiled in: a binary with half of a new one opens no window.
    println!("cargo:rerun-if-changed=ui/dist");
    let attributes = tauri_build::Attributes::new().capabilities_path_pattern(CAPABILITIES);
    if let Err(error) = tauri_build::try_build(attributes) {
        eprintln!("{error:#}");
        std::process::exit(1);
    }
}
