//! A response made from its request (RFC 3261 §8.2.6), also from a malformed one: what can be copied is copied.

use super::{Builder, Message, Name};
use crate::header::{Address, Values, via};
use crate::uri::Host;
use std::net::{IpAddr, SocketAddr};

/// Where a request came from, for the `received` and `rport` of its top Via (RFC 3261 §18.2.1, RFC 3581 §4).
pub type Seen = SocketAddr;

/// There is nothing to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotAnswer {
    #[error("it is a response")]
    Response,
    #[error("an ACK is never answered")]
    Ack,
    #[error("it has no Via")]
    NoVia,
}

impl Message {
    /// Begins a response: every Via, From, To, Call-ID and CSeq, and for a 100 also Timestamp (§8.2.6.1). `to_tag` is
    /// added where To has no tag; a 100 may go without one. A header that is missing stays so, and of a repeated one
    /// the first is taken.
    ///
    /// # Errors
    /// For what is not answered.
    pub fn answer(
        &self,
        status: u16,
        reason: &str,
        to_tag: Option<&[u8]>,
        seen: Option<Seen>,
    ) -> Result<Builder, CannotAnswer> {
        match self.method() {
            None => return Err(CannotAnswer::Response),
            Some(crate::Method::Ack) => return Err(CannotAnswer::Ack),
            Some(_) => {}
        }
        let mut vias = self.lines(Name::Via);
        let top = vias.next().ok_or(CannotAnswer::NoVia)?;
        let mut builder = Builder::response(status, reason.as_bytes());
        builder = builder.copied(Name::Via, &seen.map_or_else(|| top.to_vec(), |seen| completed(top, seen)));
        builder = vias.fold(builder, |builder, line| builder.copied(Name::Via, line));
        for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
            let Some(value) = self.lines(name).next() else { continue };
            builder = match to_tag {
                Some(tag) if name == Name::To && lacks_tag(value) => {
                    builder.copied(name, &[value, b";tag=", tag].concat())
                }
                _ => builder.copied(name, value),
            };
        }
        if status == 100 {
            builder =
                self.lines(Name::Timestamp).take(1).fold(builder, |builder, it| builder.copied(Name::Timestamp, it));
        }
        Ok(builder)
    }
}

/// What cannot be read is searched for the word, so that no second tag is added.
fn lacks_tag(to: &[u8]) -> bool {
    match Address::parse(to) {
        Ok(address) => address.tag().is_none(),
        Err(_) => !to.windows(4).any(|window| window.eq_ignore_ascii_case(b"tag=")),
    }
}

/// The top line with `received` where the sender's own host differs from what was seen, or `rport` was asked for.
fn completed(line: &[u8], seen: Seen) -> Vec<u8> {
    let top = Values::of(line).next().unwrap_or_default();
    let Ok(via) = via::Via::parse(top) else { return line.to_vec() };
    let ip = seen.ip().to_canonical();
    let same_host = match (via.host, ip) {
        (Host::V4(host), IpAddr::V4(ip)) => host == ip,
        (Host::V6(host), ip) => IpAddr::V6(host).to_canonical() == ip,
        (Host::V4(_) | Host::Name(_), _) => false,
    };
    if same_host && !via.asks_rport() {
        return line.to_vec();
    }
    let params_start = top.len() - via::sent_by(top).map_or(0, |sent_by| sent_by.rest.len());
    let mut completed = top[..params_start].to_vec();
    for param in via.params.iter() {
        let replaced = [&b"received"[..], b"rport"].iter().any(|name| param.name.eq_ignore_ascii_case(name));
        if !replaced {
            completed.push(b';');
            completed.extend_from_slice(param.name);
            if let Some(value) = param.value {
                let quote: &[u8] =
                    if value.iter().all(|byte| crate::header::param::is_value(*byte)) && !value.is_empty() {
                        b""
                    } else {
                        b"\""
                    };
                completed.extend_from_slice(&[b"=", quote, value, quote].concat());
            }
        }
    }
    completed.extend_from_slice(format!(";received={ip}").as_bytes());
    if via.asks_rport() {
        completed.extend_from_slice(format!(";rport={}", seen.port()).as_bytes());
    }
    let after_top = crate::header::list::value_end(line);
    completed.extend_from_slice(&line[after_top..]);
    completed
}
