//! The VPCs of functions and load balancers, as far as they were read.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use super::security_groups::SecurityGroupRules;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcConfig {
    pub id: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    /// Whether the function can use IPv6.
    pub ipv6: bool,
}

/// The VPCs of functions and load balancers. Anything that is missing here could not be read or does not matter.
#[derive(Clone, Debug, Default)]
pub struct VpcNetwork {
    /// The addresses of the subnets, by subnet id.
    pub subnets: BTreeMap<String, Ipv4Net>,
    /// The route tables, by VPC id.
    pub route_tables: BTreeMap<String, Vec<VpcRouteTable>>,
    /// The security groups, by id.
    pub security_groups: BTreeMap<String, SecurityGroupRules>,
    /// The endpoints, by VPC id.
    pub endpoints: BTreeMap<String, Vec<VpcEndpoint>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VpcRouteTable {
    pub id: String,
    /// Whether it applies to every subnet without its own route table.
    pub is_main: bool,
    pub subnets: BTreeSet<String>,
    /// The routes: destination and target. Blackhole routes are left out.
    pub routes: Vec<(String, RouteTarget)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteTarget {
    /// The VPC itself.
    Local,
    InternetGateway,
    /// A network that is not read, such as a peering connection or a transit gateway.
    OtherNetwork,
    /// Any other way out, such as a NAT gateway.
    Other,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcEndpoint {
    pub id: String,
    /// The name of the service, such as `com.amazonaws.eu-west-1.codedeploy`.
    pub service: String,
    /// Whether it is a gateway endpoint, which is a route and has no address.
    pub is_gateway: bool,
    /// Whether the service's own name resolves to it.
    pub private_dns: bool,
    pub security_groups: Vec<String>,
    /// The route tables that route to a gateway endpoint.
    pub route_tables: BTreeSet<String>,
}

impl VpcNetwork {
    pub fn route_table(&self, vpc: &str, subnet: &str) -> Option<&VpcRouteTable> {
        let tables = self.route_tables.get(vpc)?;
        let own = tables.iter().find(|table| table.subnets.contains(subnet));
        own.or_else(|| tables.iter().find(|table| table.is_main))
    }

    /// The subnets of a function without a route to the internet. An internet gateway does not count, because a
    /// function has no public address. `None` if the routes are not known.
    pub fn subnets_without_internet<'a>(&self, vpc: &'a VpcConfig) -> Option<Vec<&'a str>> {
        let mut closed = Vec::new();
        for subnet in &vpc.subnets {
            let table = self.route_table(&vpc.id, subnet)?;
            let out = table.routes.iter().any(|(destination, target)| match destination.as_str() {
                "0.0.0.0/0" => !matches!(target, RouteTarget::InternetGateway | RouteTarget::Local),
                "::/0" => vpc.ipv6 && *target != RouteTarget::Local,
                _ => false,
            });
            if !out {
                closed.push(subnet.as_str());
            }
        }
        Some(closed)
    }

    /// Whether a subnet of the function has a route to another network.
    pub fn has_route_to_other_network(&self, vpc: &VpcConfig) -> bool {
        let tables = vpc.subnets.iter().filter_map(|subnet| self.route_table(&vpc.id, subnet));
        tables.flat_map(|table| &table.routes).any(|(_, target)| *target == RouteTarget::OtherNetwork)
    }

    /// The rules of security groups. `None` if one of them is not known.
    pub fn rules_of(&self, ids: &[String]) -> Option<Vec<&SecurityGroupRules>> {
        ids.iter().map(|id| self.security_groups.get(id)).collect()
    }

    /// The addresses from which a function connects inside the VPC. `None` if the subnets are not known.
    pub fn source_ranges(&self, vpc: &VpcConfig) -> Option<Vec<Ipv4Net>> {
        vpc.subnets.iter().map(|subnet| self.subnets.get(subnet).copied()).collect()
    }
}
