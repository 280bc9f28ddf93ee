//! The one configuration: defaults, then `cordboard.toml`, then `CORDBOARD_…` in the environment (nested with `__`),
//! then flags. A bad value names its key, what is wrong and where it was set, and nothing starts.

use crate::edge::http::HttpLimits;
use crate::runtime::Limits;
use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Characters that a key given by the operator must have at least, so that it cannot be guessed.
const KEY_CHARS_MIN: usize = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where SQLite keeps its file.
    pub data_dir: PathBuf,
    /// `sqlite:///path/file.db` or `postgres://…`; SQLite in `data_dir` when absent.
    pub database_url: Option<String>,
    pub http_bind: SocketAddr,
    /// Makes and lists accounts; nobody may when absent.
    pub operator_key: Option<String>,
    pub bootstrap: Bootstrap,
    pub limits: LimitsConfig,
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
    /// Longest life of a worker's token in seconds (60–604,800).
    pub token_s: u32,
    /// Commands of one account that may wait (1–1,000,000).
    pub commands_waiting: usize,
    /// Rows and events of one commit (1–100,000).
    pub batch_size: usize,
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
            operator_key: None,
            bootstrap: Bootstrap::default(),
            limits: LimitsConfig {
                requests_per_second: 1_000,
                request_burst: 2_000,
                body_bytes: 1024 * 1024,
                request_s: 30,
                token_s: 86_400,
                commands_waiting: runtime.commands_waiting_max,
                batch_size: runtime.batch_size_max,
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
    /// Another file than ./cordboard.toml.
    #[arg(long, global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

impl Config {
    /// Reads all sources.
    pub fn load(flags: &Flags) -> anyhow::Result<Self> {
        let file = match &flags.config {
            Some(path) if !path.exists() => bail!("there is no configuration file {}", path.display()),
            Some(path) => path.clone(),
            None => PathBuf::from("cordboard.toml"),
        };
        let sources = Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::file(file))
            .merge(Env::prefixed("CORDBOARD_").split("__"))
            .merge(Serialized::globals(flags));
        let config: Self = sources.extract().map_err(|error| anyhow::anyhow!(explain(error)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        let limits = &self.limits;
        let bounds = [
            ("limits.requests_per_second", u64::from(limits.requests_per_second), 1, 1_000_000),
            ("limits.request_burst", u64::from(limits.request_burst), 1, 1_000_000),
            ("limits.body_bytes", limits.body_bytes as u64, 1_024, 16_777_216),
            ("limits.request_s", u64::from(limits.request_s), 1, 600),
            ("limits.token_s", u64::from(limits.token_s), 60, 604_800),
            ("limits.commands_waiting", limits.commands_waiting as u64, 1, 1_000_000),
            ("limits.batch_size", limits.batch_size as u64, 1, 100_000),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                bail!("configuration `{key}` is {value}; it must be from {least} to {most}");
            }
        }
        for (key, value) in [("operator_key", &self.operator_key), ("bootstrap.api_key", &self.bootstrap.api_key)] {
            if value.as_ref().is_some_and(|value| value.chars().count() < KEY_CHARS_MIN) {
                bail!("configuration `{key}` is too short; a key needs at least {KEY_CHARS_MIN} characters");
            }
        }
        let known = |url: &String| ["sqlite:", "postgres:", "postgresql:"].iter().any(|known| url.starts_with(known));
        if self.database_url.as_ref().is_some_and(|url| !known(url)) {
            bail!("configuration `database_url` must begin with sqlite: or postgres:");
        }
        Ok(())
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
        }
    }

    pub fn runtime_limits(&self) -> Limits {
        Limits {
            commands_waiting_max: self.limits.commands_waiting,
            batch_size_max: self.limits.batch_size,
            ..Limits::default()
        }
    }
}

/// All that is wrong, each with its key and where it was set.
fn explain(error: figment::Error) -> String {
    let told = error.into_iter().map(|error| {
        let key = error.path.join(".");
        let place = error.metadata.as_ref().map(|metadata| {
            let source = metadata.source.as_ref().map_or_else(String::new, |source| format!(" ({source})"));
            format!(", set by {}{source}", metadata.name)
        });
        let key = if key.is_empty() { String::new() } else { format!(" `{key}`") };
        format!("configuration{key}: {}{}", error.kind, place.unwrap_or_default())
    });
    told.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("cordboard.toml");
        std::fs::write(&path, toml)?;
        Config::load(&Flags { config: Some(path), ..Flags::default() })
    }

    fn refused(toml: &str) -> String {
        format!("{:#}", load(toml).expect_err("is refused"))
    }

    #[test]
    fn nothing_needs_to_be_set() {
        assert_eq!(load("").expect("defaults"), Config::default());
    }

    #[test]
    fn a_bad_value_names_its_key_and_its_place() {
        let told = refused("http_bind = 7");
        assert!(told.contains("`http_bind`") && told.contains("cordboard.toml"), "{told}");
        assert!(refused("htp_bind = \"x\"").contains("htp_bind"));
        assert!(refused("[limits]\nrequest_s = 0").contains("`limits.request_s` is 0; it must be from 1 to 600"));
        assert!(refused("operator_key = \"short\"").contains("operator_key"));
        assert!(refused("database_url = \"mysql://x\"").contains("database_url"));
    }
}
