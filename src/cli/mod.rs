//! The command line. Exit codes: 0 done, 1 refused or failed, 2 wrongly called.

mod account;
mod json;
mod key;
mod openapi;
mod workflow;

use crate::config::{Config, Flags, LogFormat};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// A self-hosted contact-center engine.
#[derive(Debug, Parser)]
#[command(name = "cordboard", version, about)]
pub struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until asked to stop.
    Serve,
    /// Bring the database's schema up to date.
    Migrate,
    /// Print the OpenAPI document.
    Openapi,
    /// Accounts: the tenants of this installation.
    #[command(subcommand)]
    Account(account::Command),
    /// API keys of an account.
    #[command(subcommand)]
    Key(key::Command),
    /// Workflow documents: checked and tested without a server.
    #[command(subcommand)]
    Workflow(workflow::Command),
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Openapi => return openapi::print(),
        Command::Workflow(command) => return workflow::run(command),
        _ => {}
    }
    let config = Config::load(&arguments.flags)?;
    log(config.log);
    match arguments.command {
        Command::Serve => crate::app::serve(config).await,
        Command::Migrate => {
            crate::app::open_store(&config).await?;
            println!("The schema is up to date.");
            Ok(())
        }
        Command::Openapi | Command::Workflow(_) => Ok(()),
        Command::Account(command) => account::run(&config, command).await,
        Command::Key(command) => key::run(&config, command).await,
    }
}

/// Logs to standard error; `RUST_LOG` says what.
fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
}
