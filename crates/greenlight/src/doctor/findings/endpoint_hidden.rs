//! An endpoint whose security groups do not let the functions in. The name of the service leads to it all the same, also
//! where there would be another way.

use hook_core::shell::quote;

use super::{Found, Kind, no_endpoint::services, together};
use crate::doctor::{
    facts::{Endpoint, Facts, Vpc},
    net::{Group, Who, lets_in},
};

pub const KIND: Kind = Kind { code: "EndpointHidden", find };

fn find(facts: &Facts) -> Vec<Found> {
    let mut hidden = Vec::new();
    for (wired, set_up) in facts.hooks() {
        let Some(vpc) = &set_up.vpc else { continue };
        let called = services(&facts.region, wired);
        let endpoints = facts.network.endpoints.get(&vpc.id).into_iter().flatten();
        let used = endpoints.filter(|it| !it.gateway && it.private_dns && called.contains(&it.service));
        for endpoint in used.filter(|endpoint| is_hidden(facts, endpoint, vpc)) {
            let own = vpc.groups.first().cloned().unwrap_or_default();
            let key = (endpoint.groups.join(", "), endpoint.id.clone(), endpoint.service.clone(), own);
            hidden.push((wired, Some(key)));
        }
    }
    let found = together(hidden).map(|((groups, id, service, own), functions)| Found {
        what: format!(
            "no rule lets {own} in at port 443 of the endpoint {id}, to which the name of {service} leads: the calls of \
             {} time out",
            functions.join(", ")
        ),
        place: groups.clone(),
        fix: format!("let {own} in at port 443"),
        command: Some(format!(
            "aws ec2 authorize-security-group-ingress --group-id {} --protocol tcp --port 443 --source-group {}",
            quote(groups.split(", ").next().unwrap_or_default()),
            quote(&own)
        )),
    });
    found.collect()
}

fn is_hidden(facts: &Facts, endpoint: &Endpoint, vpc: &Vpc) -> bool {
    let groups: Option<Vec<&Group>> = endpoint.groups.iter().map(|id| facts.network.groups.get(id)).collect();
    let (Some(groups), Some(nets)) = (groups, facts.network.addresses(vpc)) else { return false };
    !lets_in(groups, 443, &Who::Inside(&vpc.groups, &nets))
}
