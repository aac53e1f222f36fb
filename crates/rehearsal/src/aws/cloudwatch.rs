//! CloudWatch's operation.

use serde_json::{Value, json};

use super::{Answer, Problem, number, sparse, text, texts};
use crate::world::{ACCOUNT, Alarm, AlarmKind, REGION, World, epoch};

pub(super) fn describe_alarms(world: &World, input: &Value) -> Answer {
    let (names, kinds) = (texts(input, "AlarmNames"), texts(input, "AlarmTypes"));
    let (prefix, state) = (text(input, "AlarmNamePrefix"), text(input, "StateValue"));
    let wanted = |kind: AlarmKind| match kind {
        // Composite alarms are left out unless they are asked for.
        AlarmKind::Metric => kinds.is_empty() || kinds.contains(&"MetricAlarm"),
        AlarmKind::Composite => kinds.contains(&"CompositeAlarm"),
    };
    let found: Vec<_> = world
        .alarms
        .iter()
        .filter(|alarm| wanted(alarm.kind))
        .filter(|alarm| names.is_empty() || names.contains(&alarm.name.as_str()))
        .filter(|alarm| alarm.name.starts_with(prefix) && (state.is_empty() || alarm.state == state))
        .collect();
    let from = match text(input, "NextToken") {
        "" => 0,
        token => token.parse().map_err(|_| Problem::new("InvalidNextToken", "Invalid token"))?,
    };
    let size = number(input, "MaxRecords").unwrap_or(50);
    let next = (found.len() > from + size).then(|| (from + size).to_string());
    let page = || found.iter().skip(from).take(size);
    let of = |kind: AlarmKind| {
        page().filter(move |alarm| alarm.kind == kind).map(|alarm| described(alarm)).collect::<Vec<_>>()
    };
    Ok(sparse(
        json!({ "MetricAlarms": of(AlarmKind::Metric), "CompositeAlarms": of(AlarmKind::Composite), "NextToken": next }),
    ))
}

fn described(alarm: &Alarm) -> Value {
    let mut described = json!({
        "AlarmName": alarm.name,
        "AlarmArn": format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{}", alarm.name),
        "ActionsEnabled": true,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": epoch(alarm.since),
        "StateTransitionedTimestamp": epoch(alarm.since),
    });
    let more = match alarm.kind {
        AlarmKind::Composite => json!({ "AlarmRule": "ALARM(\"shop-web-5xx\")" }),
        AlarmKind::Metric => json!({
            "Namespace": "AWS/ApplicationELB",
            "MetricName": "HTTPCode_Target_5XX_Count",
            "Statistic": "Sum",
            "Dimensions": [{ "Name": "LoadBalancer", "Value": "app/shop" }],
            "Period": 60,
            "EvaluationPeriods": 3,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }),
    };
    if let (Value::Object(described), Value::Object(more)) = (&mut described, more) {
        described.extend(more);
    }
    described
}
