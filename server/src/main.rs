//! The `sally-server` binary; see [`sally_server::cli`].

use std::process::ExitCode;

/// A delivery allocates and frees a few small blocks, often on two threads; the platform's own
/// allocator takes an eighth of messaging's CPU time for that.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    sally_server::cli::main().await
}
