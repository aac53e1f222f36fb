//! Evaluates addresses and security groups: which clients can connect to which ports.

use ipnet::Ipv4Net;

/// Parses a range such as `10.0.1.0/24`. Returns `None` for IPv6, over which load balancers get requests only if they
/// have nothing else.
pub fn parse_range(text: &str) -> Option<Ipv4Net> {
    Some(text.parse::<Ipv4Net>().ok()?.trunc())
}

/// Whether the addresses of a range are public.
fn is_public(range: Ipv4Net) -> bool {
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"];
    !private.into_iter().filter_map(parse_range).any(|net| net.contains(&range))
}

/// Whether a range includes every address.
const fn is_any(range: Ipv4Net) -> bool {
    range.prefix_len() == 0
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityGroupRules {
    /// The rules for inbound traffic.
    pub ingress: Vec<IngressRule>,
    /// The ports to which it allows outbound traffic, regardless of the destination.
    pub egress_ports: Vec<PortRange>,
}

/// The first and the last port; `None` means all ports.
pub type PortRange = Option<(u16, u16)>;

/// A rule for inbound traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressRule {
    pub ports: PortRange,
    pub sources: Vec<RuleSource>,
}

/// An allowed source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// These addresses.
    Range(Ipv4Net),
    /// The members of this security group.
    SecurityGroup(String),
    /// A managed prefix list, whose addresses are not read.
    PrefixList,
}

/// A client that connects.
#[derive(Clone, Debug)]
pub enum Client<'a> {
    /// A client in the same network, in these security groups and with addresses in all of these ranges.
    InVpc(&'a [String], &'a [Ipv4Net]),
    /// A client in a VPC that connects through its NAT gateway, whose address is not known.
    BehindNat,
    /// A function outside a VPC, which can have any address.
    Anywhere,
}

impl Client<'_> {
    fn is_allowed_by(&self, from: &[&RuleSource]) -> bool {
        match self {
            Self::InVpc(groups, nets) => {
                let by_group =
                    from.iter().any(|from| matches!(from, RuleSource::SecurityGroup(id) if groups.contains(id)));
                let list = from.iter().any(|from| matches!(from, RuleSource::PrefixList));
                let holds =
                    |net: &Ipv4Net| from.iter().any(|from| matches!(from, RuleSource::Range(own) if own.contains(net)));
                by_group || list || (!nets.is_empty() && nets.iter().all(holds))
            }
            Self::BehindNat => from.iter().any(|from| match from {
                RuleSource::Range(net) => is_any(*net) || is_public(*net),
                RuleSource::PrefixList => true,
                RuleSource::SecurityGroup(_) => false,
            }),
            Self::Anywhere => from.iter().any(|from| matches!(from, RuleSource::Range(net) if is_any(*net))),
        }
    }
}

/// Whether one of the groups allows the client to connect to a port.
pub fn allows_ingress<'a>(
    groups: impl IntoIterator<Item = &'a SecurityGroupRules>,
    port: u16,
    client: &Client<'_>,
) -> bool {
    let rules = groups.into_iter().flat_map(|group| &group.ingress);
    let at_port = rules.filter(|rule| range_contains(rule.ports, port));
    client.is_allowed_by(&at_port.flat_map(|rule| &rule.sources).collect::<Vec<_>>())
}

/// Whether one of the groups allows outbound traffic to a port, regardless of the destination.
pub fn allows_egress<'a>(groups: impl IntoIterator<Item = &'a SecurityGroupRules>, port: u16) -> bool {
    groups.into_iter().flat_map(|group| &group.egress_ports).any(|ports| range_contains(*ports, port))
}

fn range_contains(ports: PortRange, port: u16) -> bool {
    ports.is_none_or(|(first, last)| (first..=last).contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Ipv4Net {
        parse_range(text).unwrap()
    }

    #[test]
    fn private_ranges_are_not_public() {
        assert!(is_any(range("0.0.0.0/0")) && !is_any(range("10.0.0.0/8")));
        assert!(is_public(range("52.1.2.0/24")) && !is_public(range("172.31.0.0/16")));
        assert_eq!(range("10.0.1.7/24"), range("10.0.1.0/24"));
        assert_eq!(["::/0", "10.0.0.0", "10.0.0.0/33"].map(parse_range), [None; 3]);
    }

    #[test]
    fn who_is_let_in_depends_on_the_source() {
        let rule = |from: RuleSource| SecurityGroupRules {
            ingress: vec![IngressRule { ports: Some((8080, 8090)), sources: vec![from] }],
            egress_ports: vec![],
        };
        let (groups, nets) = (["sg-1".to_owned()], [range("10.0.1.0/24")]);
        let inside = Client::InVpc(&groups, &nets);
        let by = |group: &SecurityGroupRules| {
            [&inside, &Client::BehindNat, &Client::Anywhere].map(|who| allows_ingress([group], 8081, who))
        };
        assert_eq!(by(&rule(RuleSource::SecurityGroup("sg-1".into()))), [true, false, false]);
        assert_eq!(by(&rule(RuleSource::SecurityGroup("sg-2".into()))), [false, false, false]);
        assert_eq!(by(&rule(RuleSource::Range(range("10.0.0.0/16")))), [true, false, false]);
        assert_eq!(by(&rule(RuleSource::Range(range("52.0.0.0/8")))), [false, true, false]);
        assert_eq!(by(&rule(RuleSource::Range(range("0.0.0.0/0")))), [true, true, true]);
        assert!(!allows_ingress([&rule(RuleSource::Range(range("0.0.0.0/0")))], 80, &Client::Anywhere));
        let all = SecurityGroupRules {
            ingress: vec![IngressRule { ports: None, sources: vec![RuleSource::Range(range("0.0.0.0/0"))] }],
            egress_ports: vec![Some((443, 443))],
        };
        assert!(allows_ingress([&all], 80, &Client::Anywhere));
        assert!(!allows_ingress([], 80, &Client::Anywhere));
        assert!(allows_egress([&all], 443) && !allows_egress([&all], 80));
    }
}
