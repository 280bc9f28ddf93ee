//! `cordboard account create`: a new tenant with its first key. While a server runs on the same store, use its API
//! instead: it learns of accounts made here when it is started again.

use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create an account and print its first API key.
    Create {
        /// Name of the account.
        name: String,
    },
}

pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let Command::Create { name } = command;
    let runtime = crate::app::start_runtime(config).await?;
    let (account, key) = crate::app::create_account(&runtime, &name, None).await?;
    runtime.close().await?;
    println!("account {}\nkey     {key}", account.id);
    Ok(())
}
