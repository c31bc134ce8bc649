//! The commands of the binary.
//!
//! # Layout
//!
//! - [`settings`]: the server's settings as flags, shared by the commands that need them.
//! - [`session`]: a command's session with a running server.
//! - [`serve`], [`token`], [`publish`], [`tail`], [`user`], [`simulate`]: one file a command;
//!   `config` prints the effective settings.

mod publish;
mod serve;
mod session;
mod settings;
mod signals;
mod simulate;
mod tail;
mod token;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

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
    }
}
