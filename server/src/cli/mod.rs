//! The commands of the binary.
//!
//! # Layout
//!
//! - [`settings`]: the server's settings as flags, shared by the commands that need them.
//! - [`session`]: a command's session with a running server.
//! - [`serve`], [`token`], [`publish`], [`tail`], [`user`], [`simulate`]: one file a command;
//!   `config` prints the effective settings, `openapi` and `asyncapi` the description of the server.

mod publish;
mod serve;
mod session;
mod settings;
mod signals;
mod simulate;
mod tail;
mod token;
mod user;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::description;
use settings::Settings;

/// The headless server of SALLY Realtime.
#[derive(Parser)]
#[command(name = "sally-server", version, about)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve; also what happens without a command
    Serve,
    /// Print the effective settings and where each came from, secrets masked
    Config,
    /// Print an access token
    Token(token::Args),
    /// Publish one event or a list of them to a running server
    Publish(publish::Args),
    /// Follow a tenant's event stream
    Tail(tail::Args),
    /// Add, list, disable users and set passwords
    User(user::Args),
    /// Run a simulated fleet against a running server
    Simulate(simulate::Args),
    /// Print the description of the HTTP API, OpenAPI 3.1 as JSON
    Openapi,
    /// Print the description of events and messaging, AsyncAPI 3.0 as JSON
    Asyncapi,
}

/// Runs the command line. An error is one sentence on stderr and exit code 1; wrong usage is 2.
pub async fn main() -> ExitCode {
    let Cli { settings, command } = Cli::parse();
    let filter = EnvFilter::try_from_env("SALLY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(settings, command.unwrap_or(Command::Serve)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sally-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings, command: Command) -> anyhow::Result<()> {
    // The description is the same whatever the settings are, also where they don't hold.
    match command {
        Command::Openapi => return print(&description::OPENAPI),
        Command::Asyncapi => return print(&description::ASYNCAPI),
        _ => {}
    }
    let (config, effective) = settings.resolve()?;
    match command {
        Command::Serve => serve::run(config).await,
        Command::Config => {
            for row in effective {
                println!("{row}");
            }
            Ok(())
        }
        Command::Token(args) => token::run(&config, &args),
        Command::Publish(args) => publish::run(&config, args).await,
        Command::Tail(args) => tail::run(&config, args).await,
        Command::User(args) => user::run(&config, args).await,
        Command::Simulate(args) => simulate::run(&config, args).await,
        Command::Openapi | Command::Asyncapi => Ok(()),
    }
}

/// Prints a text that may be read by a program which stops early.
fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").or_else(|error| match error.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error.into()),
    })
}
