//! Which addresses a request may reach: those of the public Internet, and the networks that the operator opened. The
//! IANA registries of special-purpose addresses say what is not public (RFC 6890).

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks that requests may reach besides the public ones.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    opened: Vec<IpNet>,
}

/// An address that is not reached, by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Barred {
    /// With its article: `a loopback address`.
    pub kind: &'static str,
}

const LINK_LOCAL: &str = "a link-local or metadata address";
const PRIVATE: &str = "a private address";
const RESERVED: &str = "a reserved address";
const DOCUMENTATION: &str = "an address for documentation";
const TRANSITION: &str = "an address that hides another one";

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, third: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), length)
}

const BARRED_V4: [(Ipv4Net, &str); 16] = [
    (v4(0, 0, 0, 0, 8), "an address of this machine"),
    (v4(10, 0, 0, 0, 8), PRIVATE),
    (v4(100, 64, 0, 0, 10), PRIVATE),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    // The host of a virtual machine in Azure, in the middle of public space.
    (v4(168, 63, 129, 16, 32), LINK_LOCAL),
    (v4(169, 254, 0, 0, 16), LINK_LOCAL),
    (v4(172, 16, 0, 0, 12), PRIVATE),
    (v4(192, 0, 0, 0, 24), RESERVED),
    (v4(192, 0, 2, 0, 24), DOCUMENTATION),
    (v4(192, 88, 99, 0, 24), TRANSITION),
    (v4(192, 168, 0, 0, 16), PRIVATE),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (v4(198, 51, 100, 0, 24), DOCUMENTATION),
    (v4(203, 0, 113, 0, 24), DOCUMENTATION),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), RESERVED),
];

/// Addresses that stand for an IPv4 address in their last 32 bits, which is what they reach: IPv4-mapped ones, and those
/// of NAT64 (RFC 6052), by which a host without IPv4 reaches all IPv4 receivers.
const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// All that is public in IPv6; whatever lies outside is refused without being known.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

/// What is not public, the longer prefix before the shorter one that holds it.
const BARRED_V6: [(Ipv6Net, &str); 14] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address"),
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "an address of this machine"),
    // IPv4-compatible ones (RFC 4291, deprecated).
    (v6(0, 0, 0, 96), TRANSITION),
    // NAT64 with a local prefix: where the IPv4 address stands in it is unknown (RFC 8215).
    (v6(0x64, 0xff9b, 1, 48), TRANSITION),
    // Teredo.
    (v6(0x2001, 0, 0, 32), TRANSITION),
    (v6(0x2001, 2, 0, 48), "an address for benchmarks"),
    (v6(0x2001, 0, 0, 23), RESERVED),
    (v6(0x2001, 0xdb8, 0, 32), DOCUMENTATION),
    // 6to4.
    (v6(0x2002, 0, 0, 16), TRANSITION),
    (v6(0x3fff, 0, 0, 20), DOCUMENTATION),
    (v6(0xfc00, 0, 0, 7), PRIVATE),
    (v6(0xfe80, 0, 0, 10), LINK_LOCAL),
    // Site-local (RFC 3879, deprecated).
    (v6(0xfec0, 0, 0, 10), PRIVATE),
    (v6(0xff00, 0, 0, 8), "a multicast address"),
];

impl Reach {
    pub fn new(opened: Vec<IpNet>) -> Self {
        Self { opened }
    }

    /// # Errors
    /// The kind of an address that is neither public nor opened.
    pub fn check(&self, address: IpAddr) -> Result<(), Barred> {
        if self.opened.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        match address {
            IpAddr::V4(address) => public_v4(address),
            // The very same receiver in another spelling, so what was opened for it holds too.
            IpAddr::V6(address) if MAPPED.contains(&address) => self.check(IpAddr::V4(embedded(address))),
            // What a translator would reach is elsewhere, so only public receivers are meant.
            IpAddr::V6(address) if NAT64.contains(&address) => public_v4(embedded(address)),
            IpAddr::V6(address) => public_v6(address),
        }
    }
}

fn embedded(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

fn public_v4(address: Ipv4Addr) -> Result<(), Barred> {
    match BARRED_V4.iter().find(|(network, _)| network.contains(&address)) {
        Some((_, kind)) => Err(Barred { kind }),
        None => Ok(()),
    }
}

fn public_v6(address: Ipv6Addr) -> Result<(), Barred> {
    match BARRED_V6.iter().find(|(network, _)| network.contains(&address)) {
        Some((_, kind)) => Err(Barred { kind }),
        None if GLOBAL_UNICAST.contains(&address) => Ok(()),
        None => Err(Barred { kind: RESERVED }),
    }
}
