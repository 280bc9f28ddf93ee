//! Every key of the configuration and what its value must be. What is secret in a value is never told.

use cordboard_domain::rule::operator::nearest;
use cordboard_domain::work::check_name_text;
use ipnet::IpNet;
use serde_json::Value;
use std::net::SocketAddr;

/// Characters that a key given by the operator must have at least, so that it cannot be guessed.
const KEY_CHARS_MIN: usize = 20;

/// Characters of a name in another section that is taken for a misspelt one: shorter names are near to each other.
const GUESSED_CHARS_MIN: usize = 5;

pub(super) struct Key {
    /// With its sections, separated by dots.
    pub name: &'static str,
    pub wants: Wants,
}

pub(super) enum Wants {
    Path,
    /// Scheme of a database; the rest may hold a password.
    Database,
    /// A URL of one of these schemes; the rest may hold a password.
    Url(&'static [&'static str]),
    /// Address and port.
    Address,
    Secret,
    /// A name as resources have it.
    Name,
    Whole {
        least: u64,
        most: u64,
    },
    OneOf(&'static [&'static str]),
    /// A list of networks.
    Networks,
}

const fn key(name: &'static str, wants: Wants) -> Key {
    Key { name, wants }
}

const fn whole(name: &'static str, least: u64, most: u64) -> Key {
    Key { name, wants: Wants::Whole { least, most } }
}

pub(super) const KEYS: &[Key] = &[
    key("data_dir", Wants::Path),
    key("database_url", Wants::Database),
    key("http_bind", Wants::Address),
    key("redis_url", Wants::Url(&["redis", "rediss"])),
    key("operator_key", Wants::Secret),
    key("bootstrap.account", Wants::Name),
    key("bootstrap.api_key", Wants::Secret),
    whole("limits.requests_per_second", 1, 1_000_000),
    whole("limits.request_burst", 1, 1_000_000),
    whole("limits.body_bytes", 1_024, 16_777_216),
    whole("limits.request_s", 1, 600),
    whole("limits.streams", 1, 100_000),
    whole("limits.events_kept_s", 0, 3_153_600_000),
    whole("limits.statistics_kept_days", 0, 36_500),
    whole("limits.deliveries_kept_s", 0, 3_153_600_000),
    whole("limits.token_s", 60, 604_800),
    whole("limits.commands_waiting", 1, 1_000_000),
    whole("limits.batch_size", 1, 100_000),
    key("outbound.allow_networks", Wants::Networks),
    key("outbound.ca_file", Wants::Path),
    whole("outbound.connect_s", 1, 60),
    whole("outbound.requests_at_once", 1, 10_000),
    whole("outbound.host_requests_at_once", 1, 1_000),
    key("log", Wants::OneOf(&["text", "json"])),
];

pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key that was probably meant by one that does not exist.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let names = || KEYS.iter().map(|key| key.name);
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    // Without its section, in another one, or misspelt.
    let own = name.rsplit('.').next().unwrap_or(name);
    names().find(|known| last(known) == own).or_else(|| nearest(name, names())).or_else(|| {
        let near = nearest(own, names().map(last)).filter(|_| own.len() >= GUESSED_CHARS_MIN)?;
        names().find(|known| last(known) == near)
    })
}

/// A key within the section of this name.
pub(super) fn within(section: &str) -> Option<&'static str> {
    KEYS.iter().map(|key| key.name).find(|known| known.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')))
}

impl Key {
    /// What is wrong with a value, as the end of a sentence that begins with the key.
    pub fn fault(&self, value: &Value) -> Option<String> {
        // Absent: only keys without a default are.
        if value.is_null() {
            return None;
        }
        match &self.wants {
            Wants::Whole { least, most } => {
                let sound = value.as_u64().is_some_and(|value| (*least..=*most).contains(&value));
                (!sound).then(|| format!("is {value}; it must be a whole number from {least} to {most}"))
            }
            Wants::OneOf(words) => {
                let sound = value.as_str().is_some_and(|value| words.contains(&value));
                (!sound).then(|| format!("is {value}; it must be {}", words.join(" or ")))
            }
            Wants::Address => {
                let sound = value.as_str().is_some_and(|value| value.parse::<SocketAddr>().is_ok());
                (!sound).then(|| format!("is {value}; it must be an address and a port, such as 127.0.0.1:8080"))
            }
            Wants::Path => match value.as_str() {
                Some("") => Some("is empty; it must be a path".to_owned()),
                Some(_) => None,
                None => Some(format!("is {value}; it must be a path")),
            },
            Wants::Name => match value.as_str().map(check_name_text) {
                Some(Ok(())) => None,
                Some(Err(why)) => Some(format!("is {value}: {why}")),
                None => Some(format!("is {value}; it must be a text")),
            },
            Wants::Secret => match value.as_str().map(|value| value.chars().count()) {
                Some(chars) if chars >= KEY_CHARS_MIN => None,
                Some(chars) => Some(format!("has {chars} characters; a key needs at least {KEY_CHARS_MIN}")),
                None => Some("must be a text".to_owned()),
            },
            Wants::Networks => match value.as_array() {
                Some(networks) => networks.iter().find_map(network_fault),
                None => Some(format!("is {value}; it must be a list of networks, such as [\"10.0.0.0/8\"]")),
            },
            Wants::Url(schemes) => {
                // Neither the value nor what its reader says of it is told: both may show the password.
                let url = value.as_str().and_then(|value| url::Url::parse(value).ok());
                let sound = url.is_some_and(|url| schemes.contains(&url.scheme()) && url.has_host());
                (!sound).then(|| format!("must be a URL with a host that begins with {}://", schemes.join(":// or ")))
            }
            Wants::Database => {
                let known = ["sqlite:", "postgres:", "postgresql:"];
                let sound = value.as_str().is_some_and(|url| known.iter().any(|scheme| url.starts_with(scheme)));
                (!sound).then(|| "must begin with sqlite: or postgres:".to_owned())
            }
        }
    }
}

/// A network is written by its first address: anything else is a slip that opens more, or less, than was meant.
fn network_fault(value: &Value) -> Option<String> {
    match value.as_str().map(str::parse::<IpNet>) {
        Some(Ok(network)) if network == network.trunc() => None,
        Some(Ok(network)) => Some(format!("has {value}, which is not a network; {} is", network.trunc())),
        Some(Err(_)) | None => Some(format!("has {value}; it must be a network, such as 10.0.0.0/8 or fd00::/8")),
    }
}
