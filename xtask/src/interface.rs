//! The user interface, built by Trunk into `ui/dist`, from where the desktop app compiles it in.

use anyhow::Result;

use crate::{shell, workspace};

/// Builds it, optimised.
///
/// # Errors
///
/// When Trunk fails; it has said why.
pub(crate) fn build() -> Result<()> {
    let mut trunk = shell::command("trunk");
    trunk.args(["build", "--release"]).current_dir(workspace::root().join("ui"));
    // Whoever builds it here waits for it: a package is linked as one, a demo and a test needn't be.
    trunk.env("CARGO_PROFILE_RELEASE_LTO", "thin").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "4");
    // Offline, Trunk takes wasm-bindgen from `PATH` and downloads nothing.
    trunk.env("TRUNK_OFFLINE", "true");
    // Trunk reads this as a boolean and refuses the customary `1`.
    trunk.env_remove("NO_COLOR");
    shell::run(&mut trunk)
}
