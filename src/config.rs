//! The one configuration: defaults, then `cordboard.toml`, then `CORDBOARD_…` in the environment (nested with `__`),
//! then flags. A bad value names its key, what is wrong and where it was set, and nothing starts.

mod key;
mod source;
#[cfg(test)]
mod tests;

use crate::edge::fetch::HttpFetchOptions;
use crate::edge::http::HttpLimits;
use crate::runtime::Limits;
use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use ipnet::IpNet;
use key::KEYS;
use serde::{Deserialize, Serialize};
use source::Sources;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where SQLite keeps its file.
    pub data_dir: PathBuf,
    /// `sqlite:///path/file.db` or `postgres://…`; SQLite in `data_dir` when absent.
    pub database_url: Option<String>,
    pub http_bind: SocketAddr,
    /// `redis://…` or `rediss://…`: where subscriptions of kind `redis_stream` write to; there are none when absent.
    pub redis_url: Option<String>,
    /// Makes and lists accounts; nobody may when absent.
    pub operator_key: Option<String>,
    pub bootstrap: Bootstrap,
    pub limits: LimitsConfig,
    pub outbound: OutboundConfig,
    pub log: LogFormat,
}

/// What the first start with an empty store makes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// The first account's first key; a random one is made and printed when absent.
    pub api_key: Option<String>,
    pub account: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests of one key per second, in the long run (1–1,000,000).
    pub requests_per_second: u32,
    /// Requests of one key at once, before its rate counts (1–1,000,000).
    pub request_burst: u32,
    /// Bytes of a request body (1,024–16,777,216).
    pub body_bytes: usize,
    /// Seconds of a request (1–600).
    pub request_s: u32,
    /// Event streams that one account may have open (1–100,000).
    pub streams: usize,
    /// Seconds for which events are kept (0–3,153,600,000); 0 keeps all of them.
    pub events_kept_s: u32,
    /// Days for which statistics are kept (0–36,500); 0 keeps all of them.
    pub statistics_kept_days: u32,
    /// Seconds for which deliveries that arrived or were given up are kept (0–3,153,600,000); 0 keeps all of them.
    pub deliveries_kept_s: u32,
    /// Longest life of a worker's token in seconds (60–604,800).
    pub token_s: u32,
    /// Commands of one account that may wait (1–1,000,000).
    pub commands_waiting: usize,
    /// Rows and events of one commit (1–100,000).
    pub batch_size: usize,
}

/// Requests that leave: callbacks of every kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundConfig {
    /// Networks that are reached although they are not public.
    pub allow_networks: Vec<IpNet>,
    /// Certificate authorities that are believed besides the machine's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// Seconds until a connection must have come about (1–60).
    pub connect_s: u64,
    /// Requests under way at once (1–10,000).
    pub requests_at_once: usize,
    /// Those to one host and port among them (1–1,000).
    pub host_requests_at_once: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        let runtime = Limits::default();
        Self {
            data_dir: PathBuf::from("./data"),
            database_url: None,
            http_bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            redis_url: None,
            operator_key: None,
            bootstrap: Bootstrap::default(),
            limits: LimitsConfig {
                requests_per_second: 1_000,
                request_burst: 2_000,
                body_bytes: 1024 * 1024,
                request_s: 30,
                streams: 2_500,
                events_kept_s: runtime.events_kept_s,
                statistics_kept_days: runtime.statistics_kept_days,
                deliveries_kept_s: 7 * 86_400,
                token_s: 86_400,
                commands_waiting: runtime.commands_waiting_max,
                batch_size: runtime.batch_size_max,
            },
            outbound: OutboundConfig {
                allow_networks: Vec::new(),
                ca_file: None,
                connect_s: 5,
                requests_at_once: 256,
                host_requests_at_once: 16,
            },
            log: LogFormat::Text,
        }
    }
}

/// Flags of the command line that set configuration; the rest is set by file or environment.
#[derive(Debug, Clone, Default, Serialize, clap::Args)]
pub struct Flags {
    /// Where SQLite keeps its file.
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// sqlite:///path/file.db or postgres://user:password@host/database
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Address and port for HTTP.
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_bind: Option<SocketAddr>,
    /// redis://:password@host:6379/0, or rediss:// over TLS, for subscriptions to Redis streams.
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_url: Option<String>,
    /// Another file than ./cordboard.toml.
    #[arg(long, global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

impl Config {
    /// Reads all sources.
    ///
    /// # Errors
    /// All that is wrong, each with its key and where it was set.
    pub fn load(flags: &Flags) -> anyhow::Result<Self> {
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self::of(&Sources::read(flags, variables)?)
    }

    fn of(sources: &Sources<'_>) -> anyhow::Result<Self> {
        let mut merged = Figment::from(Serialized::defaults(Self::default())).merge(Toml::string(sources.text()));
        for (key, value) in sources.variables() {
            merged = merged.merge((key, value));
        }
        merged = merged.merge(Serialized::globals(sources.flags()));
        let mut faults = sources.unknown_keys();
        for key in KEYS {
            // A key without a value has no default and was not set.
            let Ok(value) = merged.extract_inner::<serde_json::Value>(key.name) else { continue };
            if let Some(fault) = key.fault(&value) {
                faults.push(format!("`{}` {fault} ({})", key.name, sources.place(key.name)));
            }
        }
        if !faults.is_empty() {
            bail!("the configuration cannot be used:\n  {}", faults.join("\n  "));
        }
        merged.extract().context("reading the configuration")
    }

    /// The store's URL; makes the data directory when SQLite is to live there.
    pub fn store_url(&self) -> anyhow::Result<String> {
        if let Some(url) = &self.database_url {
            return Ok(url.clone());
        }
        std::fs::create_dir_all(&self.data_dir)
            .with_context(|| format!("making the data directory {}", self.data_dir.display()))?;
        Ok(format!("sqlite://{}", self.data_dir.join("cordboard.db").display()))
    }

    pub fn http_limits(&self) -> HttpLimits {
        let count = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        HttpLimits {
            requests_per_second: count(self.limits.requests_per_second),
            burst: count(self.limits.request_burst),
            body_bytes_max: self.limits.body_bytes,
            token_s_max: self.limits.token_s,
            request_s_max: self.limits.request_s,
            streams_max: self.limits.streams,
            redis_streams: self.redis_url.is_some(),
        }
    }

    pub fn runtime_limits(&self) -> Limits {
        Limits {
            commands_waiting_max: self.limits.commands_waiting,
            batch_size_max: self.limits.batch_size,
            events_kept_s: self.limits.events_kept_s,
            statistics_kept_days: self.limits.statistics_kept_days,
            ..Limits::default()
        }
    }
    pub fn outbound_options(&self) -> HttpFetchOptions {
        HttpFetchOptions {
            allow_networks: self.outbound.allow_networks.clone(),
            ca_file: self.outbound.ca_file.clone(),
            connect: Duration::from_secs(self.outbound.connect_s),
            requests_at_once: self.outbound.requests_at_once,
            host_requests_at_once: self.outbound.host_requests_at_once,
        }
    }
}
