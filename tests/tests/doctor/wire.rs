//! The doctor's requests, and the replies to them, against AWS's own service models.

use std::collections::BTreeSet;

use greenlight_tests::check_models;
use rehearsal::{Exchange, FaultKind, InjectedFault, Recorder};

use super::{doctor, open, worlds};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_fit_the_service_models() {
    let recorder = Recorder::default();
    for trouble in [FaultKind::Deny, FaultKind::Throttle, FaultKind::Fail] {
        let fault = InjectedFault::first(1, "*", trouble);
        let open = open(Some(&recorder), Some(fault), |world| {
            worlds::functions_in_vpc(world);
            world.account.functions.remove(&worlds::function_name("after-install"));
        })
        .await;
        doctor(&open, &["--json"]).await;
    }
    let refused = |it: &&Exchange| it.reply.as_ref().is_some_and(|reply| reply.status != 200);
    let exchanges = recorder.exchanges();
    let services: BTreeSet<_> =
        exchanges.iter().filter(refused).filter_map(|it| it.operation.split(':').next()).collect();
    assert!(["ec2", "iam", "lambda"].iter().all(|service| services.contains(service)), "{services:?}");
    if let Err(faults) = check_models(&exchanges) {
        panic!("{faults}");
    }
}

/// Makes a valid exchange invalid.
type ExchangeMutation = fn(&mut Exchange);

fn replace_in_reply(exchange: &mut Exchange, from: &str, to: &str) {
    replace_in_body(&mut exchange.reply.as_mut().unwrap().body, from, to);
}

fn replace_in_body(body: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(std::mem::take(body)).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    *body = text.replacen(from, to, 1).into_bytes();
}

const INVALID_EXCHANGES: [(&str, ExchangeMutation); 9] = [
    ("ec2:DescribeSubnets", |it| replace_in_reply(it, "<vpcId>", "<colour>green</colour><vpcId>")),
    ("ec2:DescribeSubnets", |it| replace_in_reply(it, "doc/2016-11-15/", "doc/2016-11-16/")),
    ("ec2:DescribeRouteTables", |it| replace_in_reply(it, ">active<", ">Active<")),
    ("ec2:DescribeRouteTables", |it| replace_in_body(&mut it.request.body, "Filter.1.Name", "Filter.0.Name")),
    ("ec2:DescribeVpcEndpoints", |it| replace_in_body(&mut it.request.body, "Filter.1.Name", "Filters.1.Name")),
    ("lambda:GetFunctionConfiguration", |it| replace_in_reply(it, "\"Timeout\":900", "\"Timeout\":\"900\"")),
    ("lambda:GetFunctionConfiguration", |it| it.request.path = it.request.path.replace("2015-03-31", "2015-03-30")),
    ("lambda:GetFunctionEventInvokeConfig", |it| replace_in_reply(it, "MaximumRetryAttempts", "MaximumRetries")),
    ("iam:SimulatePrincipalPolicy", |it| replace_in_reply(it, ">allowed<", ">Allowed<")),
];

/// The comparison with the models notices a mistake.
#[tokio::test(flavor = "multi_thread")]
async fn exchanges_that_do_not_fit_the_models_are_refused() {
    let recorder = Recorder::default();
    doctor(&open(Some(&recorder), None, worlds::functions_in_vpc).await, &["--json"]).await;
    let right = recorder.exchanges();
    check_models(&right).unwrap();
    for (operation, change) in INVALID_EXCHANGES {
        let mut exchange = right.iter().find(|it| it.operation == operation).unwrap().clone();
        change(&mut exchange);
        let faults = check_models(&[exchange]);
        assert!(faults.is_err_and(|said| said.contains(operation)), "{operation}");
    }
}
