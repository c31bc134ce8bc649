//! The `sally-server` binary; see [`sally_server::cli`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    sally_server::cli::main().await
}
