//! `cordboard key create`: a further key of an account, with its event in the account's sequence. The server must not run
//! meanwhile: both would write the account, and the one that comes second is refused.

use crate::app::{new_key, start_runtime};
use crate::config::Config;
use crate::runtime::Request;
use crate::runtime::store::{KeyChange, Role};
use anyhow::{Context, bail};
use cordboard_domain::id::AccountId;
use cordboard_domain::work::{Actor, Command as Work};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create an API key and print it. Stop the server first: both would write the account.
    Create {
        /// Id of the account.
        account: String,
        /// What the key is for.
        #[arg(long, default_value = "command line")]
        name: String,
        /// admin, integrator or supervisor.
        #[arg(long, default_value = "integrator")]
        role: String,
    },
}

pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let Command::Create { account, name, role } = command;
    let role = Role::parse(&role).filter(|role| *role != Role::Agent);
    let role = role.context("a role is admin, integrator or supervisor; agents' keys are made through the API")?;
    let id = AccountId::parse(&account).with_context(|| format!("`{account}` is not an account"))?;
    let runtime = start_runtime(config).await?;
    if !runtime.has_account(id) {
        bail!("there is no account {id}; `cordboard account create` makes one");
    }
    let (key, text) = new_key(&*Arc::clone(runtime.entropy()), runtime.now(), id, &name, role, None);
    let data = json!({"id": key.id, "name": key.name, "role": role.name(), "created_at": key.created_at});
    let command = Work::RecordChange { event_type: "api_key.created", subject: key.id.to_string(), data };
    let request = Request { actor: Actor::Operator, command, keys: vec![KeyChange::Put(key)], once: None };
    runtime.handle(id, request).await.context("creating the key; does a server run on this store?")?;
    runtime.close().await?;
    println!("key {text}");
    Ok(())
}
