//! `sally-server user`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use sally_protocol::{Id, Role, Tenant};

use super::token::role;
use crate::auth::password;
use crate::config::Config;
use crate::store::Database;
use crate::store::users::User;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Add a user; the password comes from stdin or a prompt
    Add {
        /// The tenant
        #[arg(long)]
        tenant: Tenant,
        /// The address they sign in with
        #[arg(long)]
        email: String,
        /// The name that others see
        #[arg(long)]
        name: String,
        /// dispatcher, admin, owner or driver
        #[arg(long, value_parser = role)]
        role: Role,
        /// A driver's id in events, and the user's id then
        #[arg(long)]
        driver: Option<Id>,
    },
    /// List a tenant's users
    List {
        /// The tenant
        #[arg(long)]
        tenant: Tenant,
    },
    /// Keep a user from signing in and end their sessions
    Disable {
        /// The tenant
        #[arg(long)]
        tenant: Tenant,
        /// The user's address
        #[arg(long)]
        email: String,
    },
    /// Set a user's password, from stdin or a prompt
    Password {
        /// The tenant
        #[arg(long)]
        tenant: Tenant,
        /// The user's address
        #[arg(long)]
        email: String,
    },
}

/// Works on the server's database; the server may be running.
pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data_dir)?;
    let database = Database::open(config.database_url.as_deref(), &config.data_dir).await?;
    match args.command {
        Command::Add { tenant, email, name, role, driver } => add(&database, tenant, email, name, role, driver).await?,
        Command::List { tenant } => {
            for user in database.users(&tenant).await? {
                let disabled = if user.disabled { "disabled" } else { "" };
                let (email, name) = (user.email.unwrap_or_default(), user.name.unwrap_or_default());
                println!("{}\t{}\t{email}\t{name}\t{disabled}", user.id, user.role.as_str());
            }
        }
        Command::Disable { tenant, email } => {
            let user = find(&database, &tenant, &email).await?;
            database.disable_user(&tenant, &user.id).await?;
            println!("{} may no longer sign in", user.id);
        }
        Command::Password { tenant, email } => {
            let user = find(&database, &tenant, &email).await?;
            let hash = password::hash(&read_password()?)?;
            database.set_password(&tenant, &user.id, &hash).await?;
            println!("the password of {} is set", user.id);
        }
    }
    database.close().await;
    Ok(())
}

async fn add(
    database: &Database,
    tenant: Tenant,
    email: String,
    name: String,
    role: Role,
    driver: Option<Id>,
) -> anyhow::Result<()> {
    if role == Role::Service {
        bail!("a service doesn't sign in: give it a token with `sally-server token`");
    }
    if !email.contains('@') {
        bail!("{email:?} is not an e-mail address");
    }
    if !database.users_by_email(&email, Some(&tenant)).await?.is_empty() {
        bail!("{email} is a user of {tenant} already");
    }
    // A driver is named by the id that events carry, so that dispatchers can write to whom an
    // alert is about.
    let id = match &driver {
        Some(driver) => driver.clone(),
        None => Id::parse(&format!("usr-{}", uuid::Uuid::new_v4().simple()))?,
    };
    let password_hash = Some(password::hash(&read_password()?)?);
    let user = User {
        tenant,
        id: id.clone(),
        email: Some(email),
        name: Some(name),
        role,
        driver,
        password_hash,
        disabled: false,
    };
    if !database.add_user(&user).await? {
        bail!("another user has this address already");
    }
    println!("{id}");
    Ok(())
}

async fn find(database: &Database, tenant: &Tenant, email: &str) -> anyhow::Result<User> {
    let user = database.users_by_email(email, Some(tenant)).await?.pop();
    user.with_context(|| format!("{email} is no user of {tenant}"))
}

fn read_password() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprint!("Password (it will be shown): ");
        std::io::stderr().flush()?;
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
