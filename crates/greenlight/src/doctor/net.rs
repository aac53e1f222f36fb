//! Addresses and security groups: who is let in where.

use std::net::Ipv4Addr;

/// A range of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    first: u32,
    bits: u32,
}

impl Net {
    /// `10.0.1.0/24`. None of IPv6, which load balancers are asked over only where there is nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let (address, bits) = (address.parse::<Ipv4Addr>().ok()?, bits.parse::<u32>().ok()?);
        (bits <= 32).then(|| Self { first: u32::from(address) & mask(bits), bits })
    }

    /// Whether all of the other one is in it.
    pub fn holds(self, other: Self) -> bool {
        self.bits <= other.bits && other.first & mask(self.bits) == self.first
    }

    /// Whether its addresses are of the internet.
    pub fn is_public(self) -> bool {
        let private =
            ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"];
        !private.into_iter().filter_map(Self::parse).any(|net| net.holds(self))
    }

    /// Whether it is every address.
    pub const fn is_all(self) -> bool {
        self.bits == 0
    }
}

const fn mask(bits: u32) -> u32 {
    if bits == 0 { 0 } else { u32::MAX << (32 - bits) }
}

/// A security group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Whom it lets in.
    pub rules: Vec<Rule>,
    /// The ports at which it lets out, wherever to.
    pub out: Vec<Ports>,
}

/// The first and the last port; none for all of them.
pub type Ports = Option<(u16, u16)>;

/// A rule that lets somebody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which ports.
    pub ports: Ports,
    /// From where.
    pub from: Vec<From>,
}

/// From where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// From these addresses.
    Net(Net),
    /// From whoever is in this security group.
    Group(String),
    /// From a list of addresses that is not looked at.
    List,
}

/// Who knocks.
#[derive(Clone, Debug)]
pub enum Who<'a> {
    /// Somebody in the same network: in these security groups, with an address in each of these ranges.
    Inside(&'a [String], &'a [Net]),
    /// Somebody in a VPC, by way of its NAT gateway, whose address is not known.
    Nat,
    /// A function outside a VPC, whose address may be any.
    Anybody,
}

impl Who<'_> {
    fn is_let_in(&self, from: &[&From]) -> bool {
        match self {
            Self::Inside(groups, nets) => {
                let by_group = from.iter().any(|from| matches!(from, From::Group(id) if groups.contains(id)));
                let list = from.iter().any(|from| matches!(from, From::List));
                let holds = |net: &Net| from.iter().any(|from| matches!(from, From::Net(own) if own.holds(*net)));
                by_group || list || (!nets.is_empty() && nets.iter().all(holds))
            }
            Self::Nat => from.iter().any(|from| match from {
                From::Net(net) => net.is_all() || net.is_public(),
                From::List => true,
                From::Group(_) => false,
            }),
            Self::Anybody => from.iter().any(|from| matches!(from, From::Net(net) if net.is_all())),
        }
    }
}

/// Whether one of the groups lets somebody in at a port.
pub fn lets_in<'a>(groups: impl IntoIterator<Item = &'a Group>, port: u16, who: &Who<'_>) -> bool {
    let rules = groups.into_iter().flat_map(|group| &group.rules);
    let at_port = rules.filter(|rule| holds(rule.ports, port));
    who.is_let_in(&at_port.flat_map(|rule| &rule.from).collect::<Vec<_>>())
}

/// Whether one of the groups lets out at a port, wherever to.
pub fn lets_out<'a>(groups: impl IntoIterator<Item = &'a Group>, port: u16) -> bool {
    groups.into_iter().flat_map(|group| &group.out).any(|ports| holds(*ports, port))
}

fn holds(ports: Ports, port: u16) -> bool {
    ports.is_none_or(|(first, last)| (first..=last).contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Net {
        Net::parse(text).unwrap()
    }

    #[test]
    fn ranges_hold_each_other() {
        assert!(net("10.0.0.0/16").holds(net("10.0.1.0/24")));
        assert!(!net("10.0.1.0/24").holds(net("10.0.0.0/16")));
        assert!(net("0.0.0.0/0").holds(net("1.2.3.4/32")) && net("0.0.0.0/0").is_all());
        assert!(net("52.1.2.0/24").is_public() && !net("172.31.0.0/16").is_public());
        assert_eq!([Net::parse("::/0"), Net::parse("10.0.0.0"), Net::parse("10.0.0.0/33")], [None; 3]);
    }

    #[test]
    fn who_is_let_in_depends_on_where_he_comes_from() {
        let rule =
            |from: From| Group { rules: vec![Rule { ports: Some((8080, 8090)), from: vec![from] }], out: vec![] };
        let (groups, nets) = (["sg-1".to_owned()], [net("10.0.1.0/24")]);
        let inside = Who::Inside(&groups, &nets);
        let by = |group: &Group| [&inside, &Who::Nat, &Who::Anybody].map(|who| lets_in([group], 8081, who));
        assert_eq!(by(&rule(From::Group("sg-1".into()))), [true, false, false]);
        assert_eq!(by(&rule(From::Group("sg-2".into()))), [false, false, false]);
        assert_eq!(by(&rule(From::Net(net("10.0.0.0/16")))), [true, false, false]);
        assert_eq!(by(&rule(From::Net(net("52.0.0.0/8")))), [false, true, false]);
        assert_eq!(by(&rule(From::Net(net("0.0.0.0/0")))), [true, true, true]);
        assert!(!lets_in([&rule(From::Net(net("0.0.0.0/0")))], 80, &Who::Anybody));
        let all = Group {
            rules: vec![Rule { ports: None, from: vec![From::Net(net("0.0.0.0/0"))] }],
            out: vec![Some((443, 443))],
        };
        assert!(lets_in([&all], 80, &Who::Anybody));
        assert!(!lets_in([], 80, &Who::Anybody));
        assert!(lets_out([&all], 443) && !lets_out([&all], 80));
    }
}
