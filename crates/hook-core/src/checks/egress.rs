//! Which hosts and addresses the requests of checks can go to.
//!
//! Whoever writes the gate file chooses hosts, and can put secrets into requests. `GREENLIGHT_ALLOWED_HOSTS`, which is set
//! outside the gate file, limits the hosts. Some addresses are refused in any case, because only the function itself should
//! reach them: the Lambda Runtime API is on loopback, and credentials can come from a link-local address.
//!
//! An address is checked after its name is resolved, and the connection goes to the address that was checked, so DNS cannot
//! change in between. A redirect is checked like the first request.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::Url;

/// The hosts and addresses that checks can contact.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    /// None allows every host.
    allowed_hosts: Option<Arc<[String]>>,
    allow_loopback: bool,
}

/// A host or an address that checks cannot contact, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotAllowed(pub String);

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotAllowed {}

impl EgressPolicy {
    /// A policy for these hosts. `*.example.com` stands for every name below `example.com`; no hosts stand for all hosts.
    pub fn new(allowed_hosts: &[String], allow_loopback: bool) -> Self {
        Self { allowed_hosts: (!allowed_hosts.is_empty()).then(|| allowed_hosts.into()), allow_loopback }
    }

    /// Checks a host that the gate file or a redirect names. The load balancer's own name needs no check.
    pub(super) fn check_host(&self, host: &str) -> Result<(), NotAllowed> {
        let Some(allowed) = &self.allowed_hosts else { return Ok(()) };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_match = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|name| name.len() > 1 && name.ends_with('.')),
            None => host == *pattern,
        };
        if allowed.iter().any(is_match) {
            return Ok(());
        }
        Err(NotAllowed(format!("{host} is not in GREENLIGHT_ALLOWED_HOSTS")))
    }

    /// Checks a URL before a request or a redirect. A name in it is resolved later, and its addresses are checked then.
    pub(super) fn check_url(&self, url: &Url, is_listener: bool) -> Result<(), NotAllowed> {
        let Some(host) = url.host_str() else { return Ok(()) };
        if !is_listener {
            self.check_host(host)?;
        }
        // An address in a URL is never resolved. The URL's parser has already decoded octal, hexadecimal and decimal forms.
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) => self.check_address(host, address),
            Err(_) => Ok(()),
        }
    }

    /// Checks all addresses of a host. One that is refused refuses the host: no service has such an address.
    pub(super) fn check_addresses(&self, host: &str, addresses: &[SocketAddr]) -> Result<(), NotAllowed> {
        addresses.iter().try_for_each(|address| self.check_address(host, address.ip()))
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), NotAllowed> {
        let kind = match special_kind(address) {
            None => return Ok(()),
            Some(AddressKind::Loopback) if self.allow_loopback => return Ok(()),
            Some(AddressKind::Loopback) => "a loopback address",
            Some(AddressKind::LinkLocal) => "a link-local address",
            Some(AddressKind::Metadata) => "an address of AWS's instance services",
            Some(AddressKind::Unspecified) => "an unspecified address",
        };
        let address = address.to_string();
        Err(NotAllowed(match host.trim_matches(['[', ']']) == address {
            true => format!("{address} is {kind}"),
            false => format!("{host} is {address}, {kind}"),
        }))
    }
}

/// Addresses that no check contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressKind {
    Loopback,
    LinkLocal,
    Metadata,
    Unspecified,
}

fn special_kind(address: IpAddr) -> Option<AddressKind> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<AddressKind> {
    match address {
        _ if address.is_loopback() => Some(AddressKind::Loopback),
        _ if address.is_link_local() => Some(AddressKind::LinkLocal),
        // Linux connects to this host for 0.0.0.0. The whole block means "this network".
        _ if address.octets()[0] == 0 => Some(AddressKind::Unspecified),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<AddressKind> {
    match address.segments() {
        _ if address.is_loopback() => Some(AddressKind::Loopback),
        _ if address.is_unspecified() => Some(AddressKind::Unspecified),
        _ if address.is_unicast_link_local() => Some(AddressKind::LinkLocal),
        // <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>: fd00:ec2::254.
        [0xfd00, 0x0ec2, ..] => Some(AddressKind::Metadata),
        segments => embedded_v4(segments).and_then(special_v4),
    }
}

/// The IPv4 address inside an IPv6 address: mapped, compatible, translated (NAT64) or tunnelled (6to4).
fn embedded_v4(segments: [u16; 8]) -> Option<Ipv4Addr> {
    let (high, low) = match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(host: &str) -> Result<(), String> {
        let url = Url::parse(&format!("http://{host}/")).unwrap();
        EgressPolicy::default().check_url(&url, true).map_err(|refused| refused.0)
    }

    #[test]
    fn addresses_of_the_function_itself_are_refused_in_every_spelling() {
        let loopback = [
            "127.0.0.1",
            "127.9.9.9",
            "127.1",
            "0x7f.1",
            "0177.0.0.1",
            "2130706433",
            "0x7f000001",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::127.0.0.1]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b::127.0.0.1]",
            "[2002:7f00:1::]",
            "1２7.0.0.1",
        ];
        let link_local = [
            "169.254.169.254",
            "169.254.170.2",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "[fe80::1]",
            "[febf::1]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
        ];
        for (kind, hosts) in [
            ("a loopback address", &loopback[..]),
            ("a link-local address", &link_local),
            ("an address of AWS's instance services", &["[fd00:ec2::254]"]),
            ("an unspecified address", &["0.0.0.0", "0", "0.1.2.3", "[::]"]),
        ] {
            for host in hosts {
                let refused = refusal(host).expect_err(host);
                assert!(refused.ends_with(kind), "{host}: {refused}");
            }
        }
    }

    #[test]
    fn addresses_of_services_are_allowed() {
        for host in ["10.0.0.7", "172.16.0.1", "192.168.1.1", "8.8.8.8", "100.64.0.1", "[fd12::1]", "[2600:1f18::1]"] {
            assert_eq!(refusal(host), Ok(()), "{host}");
        }
        assert_eq!(refusal("shop.example.com"), Ok(()), "its addresses are checked when it is resolved");
    }

    #[test]
    fn a_name_with_one_refused_address_is_refused() {
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let policy = EgressPolicy::default();
        let check = |addresses: &[SocketAddr]| policy.check_addresses("shop.example.com", addresses);
        assert_eq!(check(&[at("10.0.0.7"), at("10.0.0.8")]), Ok(()));
        let refused = check(&[at("10.0.0.7"), at("::ffff:169.254.169.254")]).unwrap_err();
        assert_eq!(refused.0, "shop.example.com is ::ffff:169.254.169.254, a link-local address");
    }

    #[test]
    fn loopback_is_allowed_only_if_it_is_set() {
        let policy = EgressPolicy::new(&[], true);
        let check = |host: &str| policy.check_url(&Url::parse(&format!("http://{host}/")).unwrap(), false).is_ok();
        assert_eq!([check("127.0.0.1"), check("[::1]")], [true, true]);
        assert_eq!([check("169.254.169.254"), check("0.0.0.0"), check("[fd00:ec2::254]")], [false; 3]);
    }

    #[test]
    fn a_list_of_hosts_allows_only_these_hosts() {
        let hosts = ["api.example.com", "*.shop.example", "10.0.0.7"].map(str::to_owned);
        let policy = EgressPolicy::new(&hosts, false);
        for host in ["api.example.com", "API.example.com.", "a.shop.example", "a.b.shop.example", "10.0.0.7"] {
            assert_eq!(policy.check_host(host), Ok(()), "{host}");
        }
        for host in
            ["example.com", "shop.example", ".shop.example", "evilshop.example", "a.shop.example.evil", "10.0.0.70"]
        {
            assert!(policy.check_host(host).is_err(), "{host}");
        }
        let url = Url::parse("http://my-alb-1.eu-west-1.elb.amazonaws.com/").unwrap();
        assert_eq!(policy.check_url(&url, true), Ok(()), "a listener of the deployment");
        assert!(policy.check_url(&url, false).is_err());
    }
}
