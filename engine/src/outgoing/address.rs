//! Which addresses are on the public internet?
//!
//! The special-purpose registries of the IANA (RFC 6890, RFC 8190) for IPv4 and IPv6: an address counts when the column
//! "globally reachable" says so or no row holds it. What the column leaves open (6to4, Teredo, 6to4 relays) does not count, nor
//! does multicast, nor IPv6 outside 2000::/3, of which nothing is given to hosts. An address of NAT64 is the IPv4 address in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Not globally reachable.
const SPECIAL_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by a provider's customers
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved
    (Ipv4Addr::BROADCAST, 32),
    (Ipv4Addr::UNSPECIFIED, 32),
];

/// Globally reachable in the middle of what is not: anycast of PCP and TURN.
const OPEN_V4: [(Ipv4Addr, u32); 2] = [(Ipv4Addr::new(192, 0, 0, 9), 32), (Ipv4Addr::new(192, 0, 0, 10), 32)];

/// What is given to hosts.
const UNICAST_V6: (Ipv6Addr, u32) = (net6(0x2000, 0, 0), 3);

/// Not globally reachable, of what is given to hosts.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (net6(0x2001, 0, 0), 23),     // protocol assignments, with Teredo, benchmarks and ORCHID
    (net6(0x2001, 0xdb8, 0), 32), // documentation
    (net6(0x2002, 0, 0), 16),     // 6to4
    (net6(0x3fff, 0, 0), 20),     // documentation
];

/// Globally reachable in the middle of what is not.
const OPEN_V6: [(Ipv6Addr, u32); 7] = [
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 1), 128), // anycast of PCP
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 2), 128), // anycast of TURN
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 3), 128), // anycast of DNS-SD
    (net6(0x2001, 3, 0), 32),                          // AMT
    (net6(0x2001, 4, 0x112), 48),                      // AS112
    (net6(0x2001, 0x20, 0), 28),                       // ORCHID, second version
    (net6(0x2001, 0x30, 0), 28),                       // drone remote identification
];

/// Addresses that stand for IPv4 addresses behind a translator (RFC 6052).
const NAT64: (Ipv6Addr, u32) = (net6(0x64, 0xff9b, 0), 96);

const fn net6(first: u16, second: u16, third: u16) -> Ipv6Addr {
    Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0)
}

/// Whether an address is one of the public internet.
pub(super) fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) if holds_v6(NAT64, address) => {
            let [.., a, b, c, d] = address.octets();
            is_global_v4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V6(address) => {
            let is_special = SPECIAL_V6.iter().any(|net| holds_v6(*net, address));
            let is_open = OPEN_V6.iter().any(|net| holds_v6(*net, address));
            holds_v6(UNICAST_V6, address) && (!is_special || is_open)
        }
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let is_special = SPECIAL_V4.iter().any(|net| holds_v4(*net, address));
    !is_special || OPEN_V4.iter().any(|net| holds_v4(*net, address))
}

fn holds_v4((net, length): (Ipv4Addr, u32), address: Ipv4Addr) -> bool {
    (u32::from(net) ^ u32::from(address)).leading_zeros() >= length
}

fn holds_v6((net, length): (Ipv6Addr, u32), address: Ipv6Addr) -> bool {
    (u128::from(net) ^ u128::from(address)).leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First address, last address, and whether they are globally reachable: rows of the IANA's registries.
    const REGISTRY: [(&str, &str, bool); 52] = [
        ("0.0.0.0", "0.255.255.255", false),
        ("1.0.0.0", "9.255.255.255", true),
        ("10.0.0.0", "10.255.255.255", false),
        ("11.0.0.0", "100.63.255.255", true),
        ("100.64.0.0", "100.127.255.255", false),
        ("100.128.0.0", "126.255.255.255", true),
        ("127.0.0.0", "127.255.255.255", false),
        ("169.254.0.0", "169.254.255.255", false),
        ("169.254.169.254", "169.254.170.2", false),
        ("172.15.255.255", "172.15.255.255", true),
        ("172.16.0.0", "172.31.255.255", false),
        ("172.32.0.0", "191.255.255.255", true),
        ("192.0.0.0", "192.0.0.8", false),
        ("192.0.0.9", "192.0.0.10", true),
        ("192.0.0.170", "192.0.0.171", false),
        ("192.0.0.255", "192.0.0.255", false),
        ("192.0.2.0", "192.0.2.255", false),
        ("192.31.196.0", "192.31.196.255", true),
        ("192.52.193.0", "192.52.193.255", true),
        ("192.88.99.0", "192.88.99.255", false),
        ("192.168.0.0", "192.168.255.255", false),
        ("192.175.48.0", "192.175.48.255", true),
        ("198.18.0.0", "198.19.255.255", false),
        ("198.51.100.0", "198.51.100.255", false),
        ("203.0.113.0", "203.0.113.255", false),
        ("203.0.114.0", "223.255.255.255", true),
        ("224.0.0.0", "239.255.255.255", false),
        ("240.0.0.0", "255.255.255.255", false),
        ("::", "::1", false),
        ("::127.0.0.1", "::8.8.8.8", false),
        ("::ffff:0.0.0.0", "::ffff:255.255.255.255", false),
        ("64:ff9b::1.0.0.0", "64:ff9b::8.8.8.8", true),
        ("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", false),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", false),
        ("100::", "100::ffff:ffff:ffff:ffff", false),
        ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", false),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("2001:1::1", "2001:1::3", true),
        ("2001:1::", "2001:1::4", false),
        ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", false),
        ("2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", true),
        ("2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", true),
        ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("2001:20::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", true),
        ("2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", true),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", true),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("fe80::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
    ];

    #[test]
    fn the_registries_say_what_is_public() {
        for (first, last, expected) in REGISTRY {
            for text in [first, last] {
                assert_eq!(is_global(text.parse().unwrap()), expected, "{text}");
            }
        }
    }
}
