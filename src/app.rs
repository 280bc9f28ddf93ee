//! The composition root: wires the real adapters, serves, and stops in order.

use crate::config::Config;
use crate::edge::fetch::{HttpFetch, SystemNames};
use crate::edge::http::{HttpState, PatientListener, auth, router};
use crate::edge::sink::AllSinks;
use crate::edge::store::SqlStore;
use crate::edge::system::{SystemClock, SystemEntropy};
use crate::runtime::delivery::Deliveries;
use crate::runtime::fetch::Fetch;
use crate::runtime::store::{ApiKey, Role};
use crate::runtime::{Entropy, Ports, Runtime};
use anyhow::Context;
use cordboard_domain::id::{AccountId, IdSource, KeyId};
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::Account;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::Arc;
use tokio::net::TcpListener;

/// A commit makes and frees many small texts; with the system's allocator that took a tenth of the time, and memory
/// once used by a rush was never given back (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name of the account that the first start makes.
const FIRST_ACCOUNT: &str = "main";

/// Opens the configured store, its schema brought up to date.
pub async fn open_store(config: &Config) -> anyhow::Result<Arc<SqlStore>> {
    let url = config.store_url()?;
    let store = SqlStore::open(&url).await.context("opening the database")?;
    Ok(Arc::new(store))
}

pub async fn start_runtime(config: &Config) -> anyhow::Result<Runtime> {
    // First: a file of certificate authorities that cannot be used stops the start before anything is touched.
    let fetch = outbound_client(config)?;
    runtime_on(config, open_store(config).await?, fetch).await
}

async fn runtime_on(config: &Config, store: Arc<SqlStore>, fetch: Arc<dyn Fetch>) -> anyhow::Result<Runtime> {
    let ports = Ports { store, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy), fetch };
    Runtime::start(ports, config.runtime_limits()).await
}

/// The one client for every callback, so that limits and open networks are the same for all of them.
fn outbound_client(config: &Config) -> anyhow::Result<Arc<dyn Fetch>> {
    let names = Arc::new(SystemNames::default());
    Ok(Arc::new(HttpFetch::new(config.outbound_options(), names, Arc::new(SystemClock))?))
}

/// A key of an account, with its text, which is not kept.
pub fn new_key(
    entropy: &dyn Entropy,
    now: Timestamp,
    account: AccountId,
    name: &str,
    role: Role,
    text: Option<String>,
) -> (ApiKey, String) {
    let (text, hash) = match text {
        Some(text) => {
            let hash = auth::hash(&text);
            (text, hash)
        }
        None => auth::fresh_key(entropy),
    };
    let id = KeyId(IdSource::new(entropy.seed()).next(now));
    let name = name.to_owned();
    (ApiKey { id, account, name, role, worker: None, hash, created_at: now, expires_at: None }, text)
}

/// Makes an account with an admin's key and returns both.
pub async fn create_account(runtime: &Runtime, name: &str, key: Option<String>) -> anyhow::Result<(Account, String)> {
    let (entropy, now) = (Arc::clone(runtime.entropy()), runtime.now());
    let mut shown = String::new();
    let account = runtime.create_account(name, |account| {
        let (key, text) = new_key(&*entropy, now, account, "first key", Role::Admin, key);
        shown = text;
        Some(key)
    });
    let account = account.await.context("creating the account")?;
    Ok((account, shown))
}

/// On the first start: one account, whose key is printed this once unless the configuration fixes it.
async fn bootstrap(config: &Config, runtime: &Runtime) -> anyhow::Result<()> {
    if !runtime.store().accounts().await?.is_empty() {
        return Ok(());
    }
    let name = config.bootstrap.account.as_deref().unwrap_or(FIRST_ACCOUNT);
    let fixed = config.bootstrap.api_key.clone();
    let (account, key) = create_account(runtime, name, fixed.clone()).await?;
    println!("Created account {} ({}).", account.name, account.id);
    match fixed {
        Some(_) => println!("Its API key is the configured bootstrap.api_key."),
        None => println!("Its API key, shown this once: {key}"),
    }
    Ok(())
}

/// Serves until asked to stop; then requests are finished, the last batch is committed, and everything is closed.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let metrics = PrometheusBuilder::new().install_recorder().context("installing the metrics recorder")?;
    // First: what the configuration names and cannot be used stops the start before anything is touched.
    let fetch = outbound_client(&config)?;
    let sinks = Arc::new(AllSinks::new(Arc::clone(&fetch), config.redis_url.as_deref())?);
    // And a second server on the same port, which would send what the first one sends.
    let listener =
        TcpListener::bind(config.http_bind).await.with_context(|| format!("binding {}", config.http_bind))?;
    let store = open_store(&config).await?;
    let runtime = runtime_on(&config, Arc::clone(&store), fetch).await?;
    bootstrap(&config, &runtime).await?;
    let mut fresh = [0; 32];
    SystemEntropy.fill(&mut fresh);
    let token_secret = runtime.store().secret("worker_tokens", fresh).await.context("reading the token secret")?;
    let operator_key_hash = config.operator_key.as_deref().map(auth::hash);
    let render = Box::new(move || metrics.render());
    runtime.begin_callouts();
    let delivering = Deliveries::begin(runtime.clone(), store, sinks, config.limits.deliveries_kept_s);
    let delivering = delivering.await.context("beginning deliveries")?;
    let deliveries = delivering.deliveries().clone();
    let limits = config.http_limits();
    let state = HttpState::new(runtime.clone(), deliveries, limits, operator_key_hash, token_secret, render);
    state.nobody_is_connected().await?;
    println!("Listening on http://{}", listener.local_addr()?);
    let stopped = {
        let state = state.clone();
        async move {
            asked_to_stop().await;
            state.end_streams();
        }
    };
    let listener = PatientListener::new(listener, PatientListener::TAKEN_WITHIN);
    let server = axum::serve(listener, router(state.clone())).with_graceful_shutdown(stopped);
    server.await.context("serving HTTP")?;
    state.streams_ended().await;
    delivering.stop().await;
    runtime.close().await
}

/// Ends at SIGINT or SIGTERM.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        heard = tokio::signal::ctrl_c() => if let Err(error) = heard {
            tracing::error!(%error, "SIGINT cannot be heard");
        },
        () = terminated => {}
    }
    tracing::info!("stopping");
}
