//! The wasm target, and programs that cargo installs.
//!
//! Programs go to `target/tools`, so that nobody's own are changed, and only where `PATH` hasn't
//! the right version already.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{shell, workspace};

/// The target that the user interface is compiled for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// A program from crates.io.
pub(crate) struct Tool {
    package: &'static str,
    program: &'static str,
    version: String,
    /// Whether it prints its version when asked. Any that is there will do otherwise.
    tells_version: bool,
    /// Whether it is built with the versions that its authors tested.
    locked: bool,
    why: &'static str,
}

/// Builds the user interface.
pub(crate) fn trunk() -> Tool {
    Tool {
        package: "trunk",
        program: "trunk",
        version: "0.21.14".into(),
        tells_version: true,
        locked: true,
        why: "builds the user interface",
    }
}

/// Joins the user interface's wasm to JavaScript; must be of the version that the code links to.
pub(crate) fn wasm_bindgen() -> Result<Tool> {
    Ok(Tool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        version: workspace::locked_version("wasm-bindgen")?,
        tells_version: true,
        // Its lock file names a version that is no longer to be had.
        locked: false,
        why: "joins the user interface's wasm to JavaScript, at Cargo.lock's version",
    })
}

/// Lets tests drive the desktop app.
pub(crate) fn tauri_driver() -> Tool {
    Tool {
        package: "tauri-driver",
        program: "tauri-driver",
        version: "2.0.5".into(),
        tells_version: false,
        locked: true,
        why: "drives the desktop app in tests",
    }
}

/// Checks licences and sources of dependencies.
pub(crate) fn cargo_deny() -> Tool {
    Tool {
        package: "cargo-deny",
        program: "cargo-deny",
        version: "0.20.2".into(),
        tells_version: true,
        locked: true,
        why: "checks licences and sources of dependencies",
    }
}

/// Installs what is missing of `tools`, having said what and why.
///
/// # Errors
///
/// When cargo can't build one of them.
pub(crate) fn install(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !tool.is_present()).collect();
    if missing.is_empty() {
        println!("Tools: everything needed is there.");
        return Ok(());
    }
    println!("Installing tools with cargo into target/tools:");
    for tool in &missing {
        println!("  {:<30} {}", format!("{} {}", tool.package, tool.version), tool.why);
    }
    missing.iter().try_for_each(|tool| tool.build())
}

/// Adds the wasm target to the toolchain where it lacks.
///
/// # Errors
///
/// A sentence that says how to get it when rustup can't.
pub(crate) fn install_wasm_target() -> Result<()> {
    let sysroot = shell::output(shell::command("rustc").args(["--print", "sysroot"])).context("cannot run rustc")?;
    if Path::new(&sysroot).join("lib/rustlib").join(WASM).exists() {
        println!("Rust target {WASM}: there.");
        return Ok(());
    }
    if !shell::has("rustup") {
        bail!(
            "the Rust target {WASM} is missing and there is no rustup to add it. Please install Rust from \
             https://rustup.rs, or the target by this system's own means (Debian: libstd-rust-dev-wasm32), then run \
             this again"
        );
    }
    println!("Installing the Rust target {WASM} with rustup: the user interface is compiled for it.");
    shell::run(shell::command("rustup").args(["target", "add", WASM])).with_context(|| {
        format!("rustup could not add {WASM}; Debian's packages rustc-web and cargo-web bring a toolchain that has it")
    })
}

impl Tool {
    fn is_present(&self) -> bool {
        if !self.tells_version {
            return shell::has(self.program);
        }
        let said = shell::output(shell::command(self.program).arg("--version")).unwrap_or_default();
        said.split_whitespace().any(|word| word == self.version)
    }

    fn build(&self) -> Result<()> {
        let mut install = shell::cargo();
        install.arg("install").arg(self.package).args(["--version", &self.version]);
        if self.locked {
            install.arg("--locked");
        }
        install.arg("--root").arg(workspace::tools());
        // One folder for all of them, so that a dependency they share is compiled once.
        install.arg("--target-dir").arg(workspace::tools().join("build"));
        // Each runs for seconds and compiles for minutes: ready soon beats fast.
        install.envs([
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
        ]);
        shell::run(&mut install).with_context(|| format!("cargo could not install {} {}", self.package, self.version))
    }
}
