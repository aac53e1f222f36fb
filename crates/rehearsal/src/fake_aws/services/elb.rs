//! Elastic Load Balancing v2's operations.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, number, page, text, texts, without_nulls},
    world::{Condition, Listener, PUBLIC_SUBNET, Rule, RuleAction, TargetGroup, VPC, World},
};

pub(crate) fn describe_target_groups(world: &World, input: &Value) -> OperationResult {
    let (names, arns, balancer) =
        (texts(input, "Names"), texts(input, "TargetGroupArns"), text(input, "LoadBalancerArn"));
    let known = |requested: &&str| {
        world.target_groups.iter().any(|group| group.name == **requested || group.arn == **requested)
    };
    if !names.iter().all(known) || !arns.iter().all(known) {
        return Err(ApiError::new("TargetGroupNotFound", "One or more target groups not found"));
    }
    let found = world
        .target_groups
        .iter()
        .filter(|group| names.is_empty() || names.contains(&group.name.as_str()))
        .filter(|group| arns.is_empty() || arns.contains(&group.arn.as_str()))
        .map(|group| (group, balancers_of(world, group)))
        .filter(|(_, balancers)| balancer.is_empty() || balancers.contains(&balancer));
    let groups = found.map(|(group, balancers)| {
        let check = &group.health_check;
        let codes = if group.protocol_version.as_deref() == Some("GRPC") { "GrpcCode" } else { "HttpCode" };
        json!({
            "TargetGroupArn": group.arn,
            "TargetGroupName": group.name,
            "Protocol": group.protocol,
            "Port": group.port,
            "VpcId": VPC,
            "HealthCheckProtocol": check.protocol,
            "HealthCheckPort": check.port.map_or("traffic-port".to_owned(), |port| port.to_string()),
            "HealthCheckEnabled": check.enabled,
            "HealthCheckIntervalSeconds": 10,
            "HealthCheckTimeoutSeconds": check.timeout,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 2,
            "HealthCheckPath": check.path,
            "Matcher": check.matcher.as_ref().map(|matcher| json!({ codes: matcher })),
            "LoadBalancerArns": balancers,
            "TargetType": "ip",
            "ProtocolVersion": group.protocol_version,
            "IpAddressType": "ipv4",
        })
    });
    Ok(without_nulls(json!({ "TargetGroups": groups.collect::<Vec<_>>() })))
}

pub(crate) fn describe_target_health(world: &World, input: &Value) -> OperationResult {
    let arn = text(input, "TargetGroupArn");
    let group = world.target_groups.iter().find(|group| group.arn == arn);
    let group = group.ok_or_else(|| ApiError::new("TargetGroupNotFound", "One or more target groups not found"))?;
    let requested: Vec<_> =
        input.get("Targets").and_then(Value::as_array).into_iter().flatten().map(|target| text(target, "Id")).collect();
    let targets = world.target_health(group);
    let described = targets.iter().filter(|target| requested.is_empty() || requested.contains(&target.id.as_str())).map(|target| {
        json!({
            "Target": { "Id": target.id, "Port": target.port, "AvailabilityZone": "eu-west-1a" },
            "HealthCheckPort": target.port.to_string(),
            "TargetHealth": { "State": target.health.state, "Reason": target.health.reason, "Description": target.health.description },
        })
    });
    Ok(without_nulls(json!({ "TargetHealthDescriptions": described.collect::<Vec<_>>() })))
}

pub(crate) fn describe_listeners(world: &World, input: &Value) -> OperationResult {
    let (arns, balancer) = (texts(input, "ListenerArns"), text(input, "LoadBalancerArn"));
    if !arns.iter().all(|requested| world.listeners.iter().any(|listener| listener.arn == *requested)) {
        return Err(ApiError::new("ListenerNotFound", "One or more listeners not found"));
    }
    let found = world
        .listeners
        .iter()
        .filter(|listener| arns.is_empty() || arns.contains(&listener.arn.as_str()))
        .filter(|listener| balancer.is_empty() || listener.load_balancer == balancer);
    let listeners = found.map(|listener| {
        let certificates: Vec<_> = listener.certificates.iter().map(|arn| json!({ "CertificateArn": arn })).collect();
        json!({
            "ListenerArn": listener.arn,
            "LoadBalancerArn": listener.load_balancer,
            "Port": listener.port,
            "Protocol": listener.protocol,
            "Certificates": (!certificates.is_empty()).then_some(certificates),
            "DefaultActions": [forward(&listener.default)],
        })
    });
    Ok(without_nulls(json!({ "Listeners": listeners.collect::<Vec<_>>() })))
}

pub(crate) fn describe_rules(world: &World, input: &Value) -> OperationResult {
    let (arn, rules) = (text(input, "ListenerArn"), texts(input, "RuleArns"));
    let known = world.listeners.iter().any(|listener| listener.arn == arn);
    if !arn.is_empty() && !known {
        return Err(ApiError::new("ListenerNotFound", "One or more listeners not found"));
    }
    let of_listeners = world.listeners.iter().filter(|listener| arn.is_empty() || listener.arn == arn);
    let all: Vec<_> = of_listeners
        .flat_map(described)
        .filter(|rule| rules.is_empty() || rules.contains(&text(rule, "RuleArn")))
        .collect();
    if !rules.is_empty() && all.len() < rules.len() {
        return Err(ApiError::new("RuleNotFound", "One or more rules not found"));
    }
    let size = number(input, "PageSize").unwrap_or(400);
    let from = number(input, "Marker").unwrap_or(0);
    let (page, next) = page(all, from, size);
    Ok(without_nulls(json!({ "Rules": page, "NextMarker": next })))
}

pub(crate) fn describe_load_balancers(world: &World, input: &Value) -> OperationResult {
    let (arns, names) = (texts(input, "LoadBalancerArns"), texts(input, "Names"));
    let known =
        |requested: &&str| world.load_balancers.iter().any(|it| it.arn == **requested || it.name == **requested);
    if !arns.iter().all(known) || !names.iter().all(known) {
        return Err(ApiError::new("LoadBalancerNotFound", "One or more load balancers not found"));
    }
    let found = world
        .load_balancers
        .iter()
        .filter(|it| arns.is_empty() || arns.contains(&it.arn.as_str()))
        .filter(|it| names.is_empty() || names.contains(&it.name.as_str()));
    let balancers = found.map(|it| {
        json!({
            "LoadBalancerArn": it.arn,
            "DNSName": it.dns_name,
            "CanonicalHostedZoneId": "Z32O12XQLNTSW2",
            "LoadBalancerName": it.name,
            "Scheme": it.scheme,
            "VpcId": it.vpc,
            "State": { "Code": "active" },
            "Type": it.kind,
            "AvailabilityZones": [{ "ZoneName": "eu-west-1a", "SubnetId": PUBLIC_SUBNET, "LoadBalancerAddresses": [] }],
            "SecurityGroups": (!it.security_groups.is_empty()).then(|| json!(it.security_groups)),
            "IpAddressType": "ipv4",
        })
    });
    Ok(without_nulls(json!({ "LoadBalancers": balancers.collect::<Vec<_>>() })))
}

/// The load balancers whose listeners forward to a target group.
fn balancers_of<'a>(world: &'a World, group: &TargetGroup) -> Vec<&'a str> {
    let forwards = |listener: &&Listener| {
        let mut to = listener.default.iter().chain(listener.rules.iter().flat_map(|rule| &rule.forward));
        to.any(|(arn, _)| *arn == group.arn)
    };
    let mut balancers: Vec<_> =
        world.listeners.iter().filter(forwards).map(|listener| listener.load_balancer.as_str()).collect();
    balancers.sort_unstable();
    balancers.dedup();
    balancers
}

/// The rules of a listener. The default rule is last, as in AWS's replies.
fn described(listener: &Listener) -> Vec<Value> {
    let mut rules: Vec<&Rule> = listener.rules.iter().collect();
    rules.sort_by_key(|rule| rule.priority);
    let of_its_own = rules.into_iter().map(|rule| {
        let conditions: Vec<_> = rule.conditions.iter().map(condition).collect();
        json!({
            "RuleArn": rule.arn,
            "Priority": rule.priority.to_string(),
            "Conditions": conditions,
            "Actions": actions(rule),
            "IsDefault": false,
        })
    });
    let default = json!({
        "RuleArn": format!("{}/default", listener.arn.replace(":listener/", ":listener-rule/")),
        "Priority": "default",
        "Conditions": [],
        "Actions": [forward(&listener.default)],
        "IsDefault": true,
    });
    of_its_own.chain([default]).collect()
}

fn condition(condition: &Condition) -> Value {
    match condition {
        Condition::Host(hosts) => {
            json!({ "Field": "host-header", "Values": hosts, "HostHeaderConfig": { "Values": hosts } })
        }
        Condition::Path(paths) => {
            json!({ "Field": "path-pattern", "Values": paths, "PathPatternConfig": { "Values": paths } })
        }
        // For the other conditions AWS fills only the config of the condition, not `Values`.
        Condition::Method(methods) => {
            json!({ "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": methods } })
        }
        Condition::Query(pairs) => {
            let pairs: Vec<_> = pairs.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            json!({ "Field": "query-string", "QueryStringConfig": { "Values": pairs } })
        }
        Condition::Header(name, values) => {
            json!({ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": name, "Values": values } })
        }
        Condition::SourceIp(blocks) => json!({ "Field": "source-ip", "SourceIpConfig": { "Values": blocks } }),
    }
}

/// The actions of a rule, in the order of their execution.
fn actions(rule: &Rule) -> Vec<Value> {
    match &rule.action {
        RuleAction::Forward => vec![forward(&rule.forward)],
        RuleAction::FixedResponse(status) => {
            let response = json!({ "StatusCode": status.to_string(), "ContentType": "text/plain", "MessageBody": "" });
            vec![json!({ "Type": "fixed-response", "Order": 1, "FixedResponseConfig": response })]
        }
        RuleAction::Redirect(to) => vec![json!({ "Type": "redirect", "Order": 1, "RedirectConfig": redirect(to) })],
        RuleAction::Authenticate => {
            let login = "https://login.example.com";
            let mut forward = forward(&rule.forward);
            forward["Order"] = 2.into();
            let config = json!({
                "Issuer": login,
                "AuthorizationEndpoint": format!("{login}/authorize"),
                "TokenEndpoint": format!("{login}/token"),
                "UserInfoEndpoint": format!("{login}/me"),
                "ClientId": "shop",
                "SessionCookieName": "AWSELBAuthSessionCookie",
                "Scope": "openid",
                "SessionTimeout": 604_800,
                "OnUnauthenticatedRequest": "authenticate",
            });
            vec![json!({ "Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": config }), forward]
        }
    }
}

/// The parts of a redirect's URL, as AWS reports them: `https://#{host}:443/#{path}`.
fn redirect(to: &str) -> Value {
    let (protocol, rest) = to.split_once("://").unwrap_or(("#{protocol}", to));
    let (place, path) = rest.split_once('/').unwrap_or((rest, "#{path}"));
    let (host, port) = place.split_once(':').unwrap_or((place, "#{port}"));
    json!({
        "Protocol": protocol.to_uppercase().replace("#{PROTOCOL}", "#{protocol}"),
        "Host": host,
        "Port": port,
        "Path": format!("/{path}"),
        "Query": "#{query}",
        "StatusCode": "HTTP_301",
    })
}

/// A forward action. AWS names a single target group in both places. A listener without a target group responds with
/// 404 itself.
fn forward(to: &[(String, i32)]) -> Value {
    if to.is_empty() {
        let response = json!({ "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "Not found" });
        return json!({ "Type": "fixed-response", "Order": 1, "FixedResponseConfig": response });
    }
    let groups: Vec<_> = to.iter().map(|(arn, weight)| json!({ "TargetGroupArn": arn, "Weight": weight })).collect();
    json!({
        "Type": "forward",
        "TargetGroupArn": if let [(arn, _)] = to { Some(arn) } else { None },
        "Order": 1,
        "ForwardConfig": { "TargetGroups": groups, "TargetGroupStickinessConfig": { "Enabled": false } },
    })
}
