//! What a URL must be to be asked. The same parsed URL is judged here and sent later, so that there is no second reading
//! of it which could understand another host.

use super::address::Reach;
use crate::runtime::fetch::{FetchCode, FetchFailure};
use reqwest::Url;
use std::net::IpAddr;
use url::Host;

/// Bytes of a URL.
pub const URL_BYTES_MAX: usize = 2_048;

/// A URL that may be asked, if its name does not lead astray.
#[derive(Debug)]
pub struct Target {
    pub url: Url,
    /// Host and port: whose turn it is that the request waits for.
    pub host: String,
}

impl Target {
    /// # Errors
    /// [`FetchCode::InvalidUrl`], or [`FetchCode::AddressRefused`] when the host is an address out of reach.
    pub fn read(text: &str, reach: &Reach) -> Result<Self, FetchFailure> {
        let invalid = |why: &str| FetchFailure::new(FetchCode::InvalidUrl, format!("the URL {why}"));
        if text.len() > URL_BYTES_MAX {
            return Err(invalid(&format!("has {} bytes; {URL_BYTES_MAX} are allowed", text.len())));
        }
        // Readers disagree about these: some drop them, some end the host there.
        if text.chars().any(|character| character.is_whitespace() || character.is_control() || character == '\\') {
            return Err(invalid("holds a space, a control character or a backslash"));
        }
        let url = Url::parse(text).map_err(|error| invalid(&format!("cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("holds a user name or a password; send credentials in a header"));
        }
        let port = url.port_or_known_default().filter(|port| *port != 0);
        let Some(port) = port else { return Err(invalid("has port 0; it must be from 1 to 65535")) };
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(invalid("names no host")),
        };
        if let Some(barred) = address.and_then(|address| reach.check(address).err()) {
            return Err(FetchFailure::new(FetchCode::AddressRefused, refusal(barred.kind)));
        }
        let name = url.host_str().unwrap_or_default().trim_end_matches('.');
        Ok(Self { host: format!("{name}:{port}"), url })
    }
}

/// What a user reads when the receiver may not be reached.
pub(super) fn refusal(kind: &str) -> String {
    format!("the URL's host is {kind}, which this installation does not reach; its operator can open the network")
}
