//! The VPC of the load balancer and the functions: subnets, route tables, security groups, endpoints.

use std::collections::BTreeMap;

/// The VPC in which the load balancer is.
pub const VPC: &str = "vpc-0a1b2c3d4e5f67890";
/// The load balancer's subnet, which has a route to an internet gateway.
pub const PUBLIC_SUBNET: &str = "subnet-0a1b2c3d4e5f67890";
/// A subnet that reaches the internet through a NAT gateway.
pub const PRIVATE_SUBNET: &str = "subnet-0b1b2c3d4e5f67890";
/// The load balancer's security group.
pub const LOAD_BALANCER_GROUP: &str = "sg-0a1b2c3d4e5f67890";
/// The security group of functions that are in the VPC.
pub const FUNCTIONS_GROUP: &str = "sg-0b1b2c3d4e5f67890";
/// The route table of the private subnet.
pub const PRIVATE_ROUTES: &str = "rtb-0b1b2c3d4e5f67890";

/// Subnets, route tables, security groups and endpoints, each by its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub subnets: BTreeMap<String, Subnet>,
    pub route_tables: BTreeMap<String, RouteTable>,
    pub security_groups: BTreeMap<String, SecurityGroup>,
    pub endpoints: BTreeMap<String, Endpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub vpc: String,
    /// Its CIDR block, such as `10.0.0.0/24`.
    pub cidr: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    pub vpc: String,
    /// Whether it applies to every subnet without a route table.
    pub main: bool,
    /// The subnets that are associated with it.
    pub subnets: Vec<String>,
    /// Its routes, from a CIDR block to a target: `local`, `igw-…`, `nat-…`, `tgw-…`, `pcx-…`.
    pub routes: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    pub vpc: String,
    /// The traffic that it allows in.
    pub ingress: Vec<SecurityGroupRule>,
    /// The traffic that it allows out.
    pub egress: Vec<SecurityGroupRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroupRule {
    /// The first and the last port.
    pub ports: (u16, u16),
    /// The source or destination: a CIDR block (`0.0.0.0/0`) or another security group (`sg-…`).
    pub peer: String,
}

impl SecurityGroupRule {
    /// Allows one port for a source or destination.
    pub fn new(port: u16, with: &str) -> Self {
        Self { ports: (port, port), peer: with.to_owned() }
    }

    /// Allows every port for every address.
    pub fn everything() -> Self {
        Self { ports: (0, u16::MAX), peer: "0.0.0.0/0".to_owned() }
    }
}

/// An endpoint of an AWS service in a VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub vpc: String,
    /// `com.amazonaws.eu-west-1.codedeploy`.
    pub service: String,
    /// Its security groups; empty for a gateway endpoint.
    pub security_groups: Vec<String>,
    /// The route tables of a gateway endpoint.
    pub route_tables: Vec<String>,
}

impl Network {
    /// A VPC with a public and a private subnet, and a load balancer that allows everybody in on its two ports.
    pub(crate) fn default_vpc(ports: [u16; 2]) -> Self {
        let vpc = || VPC.to_owned();
        let subnet = |cidr: &str| Subnet { vpc: vpc(), cidr: cidr.to_owned() };
        let routes = |main, subnet: &str, out: &str| RouteTable {
            vpc: vpc(),
            main,
            subnets: if main { Vec::new() } else { vec![subnet.to_owned()] },
            routes: [("10.0.0.0/16", "local"), ("0.0.0.0/0", out)]
                .map(|(to, by)| (to.to_owned(), by.to_owned()))
                .to_vec(),
        };
        let open = ports.map(|port| SecurityGroupRule::new(port, "0.0.0.0/0")).to_vec();
        Self {
            subnets: BTreeMap::from([
                (PUBLIC_SUBNET.to_owned(), subnet("10.0.0.0/24")),
                (PRIVATE_SUBNET.to_owned(), subnet("10.0.1.0/24")),
            ]),
            route_tables: BTreeMap::from([
                ("rtb-0a1b2c3d4e5f67890".to_owned(), routes(true, PUBLIC_SUBNET, "igw-0a1b2c3d4e5f67890")),
                (PRIVATE_ROUTES.to_owned(), routes(false, PRIVATE_SUBNET, "nat-0a1b2c3d4e5f67890")),
            ]),
            security_groups: BTreeMap::from([
                (
                    LOAD_BALANCER_GROUP.to_owned(),
                    SecurityGroup { vpc: vpc(), ingress: open, egress: vec![SecurityGroupRule::everything()] },
                ),
                (
                    FUNCTIONS_GROUP.to_owned(),
                    SecurityGroup { vpc: vpc(), ingress: Vec::new(), egress: vec![SecurityGroupRule::everything()] },
                ),
            ]),
            endpoints: BTreeMap::new(),
        }
    }
}
