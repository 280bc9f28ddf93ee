//! The edges of every network that is not public, and what opening a network opens.

use cordboard::edge::fetch::address::Reach;
use std::net::IpAddr;

fn reached(reach: &Reach, address: &str) -> bool {
    reach.check(address.parse::<IpAddr>().expect(address)).is_ok()
}

fn opened(networks: &[&str]) -> Reach {
    Reach::new(networks.iter().map(|network| network.parse().expect("a network")).collect())
}

#[test]
fn networks_end_where_they_end() {
    // The last public address before, the first and last barred, the first public one after.
    let edges = [
        ["", "0.0.0.0", "0.255.255.255", "1.0.0.0"],
        ["9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"],
        ["100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"],
        ["126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"],
        ["168.63.129.15", "168.63.129.16", "168.63.129.16", "168.63.129.17"],
        ["169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"],
        ["172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"],
        ["191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"],
        ["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"],
        ["192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"],
        ["192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"],
        ["198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"],
        ["198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"],
        ["203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"],
        ["223.255.255.255", "224.0.0.0", "255.255.255.255", ""],
        ["", "::", "1fff:ffff::", "2000::"],
        ["2000:ffff::", "2001::", "2001:1ff:ffff::", "2001:200::"],
        ["2001:db7:ffff::", "2001:db8::", "2001:db8:ffff::", "2001:db9::"],
        ["2001:ffff::", "2002::", "2002:ffff::", "2003::"],
        ["3ffe:ffff::", "3fff::", "3fff:fff:ffff::", "3fff:1000::"],
        ["3fff:ffff::", "4000::", "ffff:ffff::", ""],
    ];
    let public = Reach::default();
    for [before, first, last, after] in edges {
        for address in [before, after].iter().filter(|address| !address.is_empty()) {
            assert!(reached(&public, address), "{address} is public");
        }
        for address in [first, last] {
            assert!(!reached(&public, address), "{address} is not public");
        }
    }
}

#[test]
fn an_address_within_another_is_what_counts() {
    let public = Reach::default();
    for inner in ["8.8.8.8", "93.184.215.14"] {
        assert!(reached(&public, &format!("::ffff:{inner}")), "mapped {inner}");
        assert!(reached(&public, &format!("64:ff9b::{inner}")), "translated {inner}");
    }
    for inner in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "255.255.255.255"] {
        assert!(!reached(&public, &format!("::ffff:{inner}")), "mapped {inner}");
        assert!(!reached(&public, &format!("64:ff9b::{inner}")), "translated {inner}");
    }
    // Where it stands is unknown, or nobody should need it any more.
    for hidden in ["::8.8.8.8", "64:ff9b:1::8.8.8.8", "2002:808:808::", "2001:0:808:808::", "2001::f7f7:f7f7"] {
        assert!(!reached(&public, hidden), "{hidden}");
    }
}

#[test]
fn what_is_opened_is_reached_and_nothing_beside_it() {
    let reach = opened(&["10.1.0.0/16", "fd00:1::/32"]);
    for address in ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "fd00:1::1", "8.8.8.8"] {
        assert!(reached(&reach, address), "{address}");
    }
    // What a translator would reach by that address is another network's.
    for address in ["10.0.255.255", "10.2.0.0", "127.0.0.1", "fd00:2::1", "64:ff9b::10.1.2.3", "::10.1.2.3"] {
        assert!(!reached(&reach, address), "{address}");
    }
    assert!(reached(&opened(&["0.0.0.0/0"]), "127.0.0.1") && !reached(&opened(&["0.0.0.0/0"]), "::1"));
}

#[test]
fn kinds_are_told_in_words() {
    let kind = |address: &str| Reach::default().check(address.parse().expect(address)).expect_err(address).to_string();
    assert_eq!(kind("127.0.0.1"), "a loopback address");
    assert_eq!(kind("::1"), "a loopback address");
    assert_eq!(kind("169.254.169.254"), "a link-local or metadata address");
    assert_eq!(kind("192.168.0.1"), "a private address");
    assert_eq!(kind("64:ff9b::10.0.0.1"), "a private address");
}
