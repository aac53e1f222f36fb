//! EC2's operations that describe a VPC. Members have the names that EC2 uses on the wire, because in this protocol
//! nothing else identifies a value.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, without_nulls},
    world::{ACCOUNT, REGION, SecurityGroupRule, World},
};

/// Reads `SubnetId.1=a&SubnetId.2=b` as a list.
fn flat<'a>(input: &'a Value, member: &str) -> Vec<&'a str> {
    let items = input.get(member).and_then(Value::as_object).into_iter().flatten();
    items.filter_map(|(_, item)| item.as_str()).collect()
}

/// Whether a resource passes every filter of the request. `has` returns the resource's values for a filter's name.
fn passes_filters(input: &Value, has: impl Fn(&str) -> Vec<String>) -> bool {
    let filters = input.get("Filter").and_then(Value::as_object).into_iter().flatten();
    filters.map(|(_, filter)| filter).all(|filter| {
        let name = filter.get("Name").and_then(Value::as_str).unwrap_or_default();
        let wanted = flat(filter, "Value");
        has(name).iter().any(|own| wanted.contains(&own.as_str()))
    })
}

/// Finds the resources with these ids. If one does not exist, returns AWS's error with `code`.
fn find_by_ids<'a, T>(
    all: &'a std::collections::BTreeMap<String, T>,
    ids: &[&str],
    code: &'static str,
) -> Result<Vec<(&'a String, &'a T)>, ApiError> {
    if let Some(unknown) = ids.iter().find(|id| !all.contains_key(**id)) {
        return Err(ApiError::new(code, format!("The ID '{unknown}' does not exist")));
    }
    Ok(all.iter().filter(|(id, _)| ids.is_empty() || ids.contains(&id.as_str())).collect())
}

pub(crate) fn describe_subnets(world: &World, input: &Value) -> OperationResult {
    let found = find_by_ids(&world.account.network.subnets, &flat(input, "SubnetId"), "InvalidSubnetID.NotFound")?;
    let subnets = found.into_iter().filter(|(_, subnet)| passes_filters(input, |_| vec![subnet.vpc.clone()]));
    let subnets = subnets.map(|(id, subnet)| {
        json!({
            "subnetId": id,
            "vpcId": subnet.vpc,
            "cidrBlock": subnet.cidr,
            "state": "available",
            "ownerId": ACCOUNT,
            "availabilityZone": format!("{REGION}a"),
            "availableIpAddressCount": 240,
        })
    });
    Ok(json!({ "subnetSet": subnets.collect::<Vec<_>>() }))
}

pub(crate) fn describe_route_tables(world: &World, input: &Value) -> OperationResult {
    let tables = world.account.network.route_tables.iter();
    let tables = tables.filter(|(_, table)| passes_filters(input, |_| vec![table.vpc.clone()])).map(|(id, table)| {
        let association = |subnet: Option<&String>| {
            json!({
                "routeTableAssociationId": "rtbassoc-0a1b2c3d4e5f67890",
                "routeTableId": id,
                "main": subnet.is_none(),
                "subnetId": subnet,
                "associationState": { "state": "associated" },
            })
        };
        let own = table.subnets.iter().map(|subnet| association(Some(subnet)));
        let associations: Vec<_> = table.main.then(|| association(None)).into_iter().chain(own).collect();
        let routes = table.routes.iter().map(|(to, by)| {
            let kind = match by.split('-').next() {
                Some("nat") => "natGatewayId",
                Some("tgw") => "transitGatewayId",
                Some("pcx") => "vpcPeeringConnectionId",
                Some("eni") => "networkInterfaceId",
                _ => "gatewayId",
            };
            let origin = if by == "local" { "CreateRouteTable" } else { "CreateRoute" };
            json!({ "destinationCidrBlock": to, kind: by, "state": "active", "origin": origin })
        });
        json!({
            "routeTableId": id,
            "vpcId": table.vpc,
            "ownerId": ACCOUNT,
            "associationSet": associations,
            "routeSet": routes.collect::<Vec<_>>(),
        })
    });
    Ok(without_nulls(json!({ "routeTableSet": tables.collect::<Vec<_>>() })))
}

pub(crate) fn describe_security_groups(world: &World, input: &Value) -> OperationResult {
    let found = find_by_ids(&world.account.network.security_groups, &flat(input, "GroupId"), "InvalidGroup.NotFound")?;
    let groups = found.into_iter().filter(|(_, group)| passes_filters(input, |_| vec![group.vpc.clone()]));
    let groups = groups.map(|(id, group)| {
        json!({
            "ownerId": ACCOUNT,
            "groupId": id,
            "groupName": "shop",
            "groupDescription": "shop",
            "vpcId": group.vpc,
            "ipPermissions": group.ingress.iter().map(permission).collect::<Vec<_>>(),
            "ipPermissionsEgress": group.egress.iter().map(permission).collect::<Vec<_>>(),
        })
    });
    Ok(without_nulls(json!({ "securityGroupInfo": groups.collect::<Vec<_>>() })))
}

/// A security group rule. AWS writes a rule for all traffic with the protocol `-1` and without ports.
fn permission(rule: &SecurityGroupRule) -> Value {
    let is_group = rule.peer.starts_with("sg-");
    let pair = is_group.then(|| json!([{ "groupId": rule.peer, "userId": ACCOUNT }]));
    let range = (!is_group).then(|| json!([{ "cidrIp": rule.peer }]));
    if rule.ports == (0, u16::MAX) {
        return json!({ "ipProtocol": "-1", "groups": pair, "ipRanges": range });
    }
    json!({
        "ipProtocol": "tcp",
        "fromPort": rule.ports.0,
        "toPort": rule.ports.1,
        "groups": pair,
        "ipRanges": range,
    })
}

pub(crate) fn describe_vpc_endpoints(world: &World, input: &Value) -> OperationResult {
    let endpoints = world.account.network.endpoints.iter();
    let fits = |vpc: &str, service: &str| {
        passes_filters(input, |name| vec![if name == "service-name" { service.to_owned() } else { vpc.to_owned() }])
    };
    let endpoints = endpoints.filter(|(_, it)| fits(&it.vpc, &it.service)).map(|(id, endpoint)| {
        let gateway = endpoint.security_groups.is_empty();
        let groups = endpoint.security_groups.iter().map(|id| json!({ "groupId": id, "groupName": "shop" }));
        json!({
            "vpcEndpointId": id,
            "vpcEndpointType": if gateway { "Gateway" } else { "Interface" },
            "vpcId": endpoint.vpc,
            "serviceName": endpoint.service,
            // The service model spells it so. AWS also sends it without the capital letter.
            "state": "Available",
            "routeTableIdSet": endpoint.route_tables,
            "subnetIdSet": [],
            "groupSet": groups.collect::<Vec<_>>(),
            "privateDnsEnabled": !gateway,
            "ownerId": ACCOUNT,
        })
    });
    Ok(json!({ "vpcEndpointSet": endpoints.collect::<Vec<_>>() }))
}
