//! CloudWatch's operations.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{OperationResult, epoch, number, page, page_start, text, texts, without_nulls},
    world::{Alarm, AlarmKind, AlarmUpdate, World, arn},
};

pub(crate) fn describe_alarms(world: &World, input: &Value) -> OperationResult {
    let names = texts(input, "AlarmNames");
    let (prefix, state) = (text(input, "AlarmNamePrefix"), text(input, "StateValue"));
    let is_requested = alarm_type_filter(input);
    let of_stack = world.stack_alarms.iter().filter(|_| !prefix.is_empty());
    let found: Vec<_> = world
        .alarms
        .iter()
        .chain(of_stack)
        .filter(|alarm| is_requested(alarm.kind))
        .filter(|alarm| names.is_empty() || names.contains(&alarm.name.as_str()))
        .filter(|alarm| alarm.name.starts_with(prefix) && (state.is_empty() || alarm.state == state))
        .collect();
    let from = page_start(input, "NextToken", "InvalidNextToken")?;
    let size = number(input, "MaxRecords").unwrap_or(50);
    let (page, next) = page(found, from, size);
    let page_of = |kind: AlarmKind| {
        page.iter().filter(move |alarm| alarm.kind == kind).map(|alarm| described(alarm)).collect::<Vec<_>>()
    };
    Ok(without_nulls(
        json!({ "MetricAlarms": page_of(AlarmKind::Metric), "CompositeAlarms": page_of(AlarmKind::Composite), "NextToken": next }),
    ))
}

/// Returns a filter for the requested types of alarms.
fn alarm_type_filter(input: &Value) -> impl Fn(AlarmKind) -> bool {
    let kinds = texts(input, "AlarmTypes");
    move |kind| match kind {
        // AWS leaves out composite alarms unless the request names their type.
        AlarmKind::Metric => kinds.is_empty() || kinds.contains(&"MetricAlarm"),
        AlarmKind::Composite => kinds.contains(&"CompositeAlarm"),
    }
}

/// The rehearsal only keeps changes of state. Its history has no other items.
pub(crate) fn describe_alarm_history(world: &World, input: &Value) -> OperationResult {
    let (name, item_type) = (text(input, "AlarmName"), text(input, "HistoryItemType"));
    let seconds = |key: &str| input.get(key).and_then(Value::as_f64);
    let (from, to) = (seconds("StartDate").unwrap_or_default(), seconds("EndDate").unwrap_or(f64::MAX));
    let is_requested = alarm_type_filter(input);
    let alarms =
        world.alarms.iter().filter(|alarm| is_requested(alarm.kind) && (name.is_empty() || alarm.name == name));
    let mut found: Vec<(&Alarm, &AlarmUpdate)> = alarms
        .flat_map(|alarm| alarm.history.iter().map(move |update| (alarm, update)))
        .filter(|(_, update)| (from..=to).contains(&epoch(update.at)))
        .filter(|_| item_type.is_empty() || item_type == "StateUpdate")
        .collect();
    found.sort_by_key(|(_, update)| update.at);
    if text(input, "ScanBy") != "TimestampAscending" {
        found.reverse();
    }
    let from = page_start(input, "NextToken", "InvalidNextToken")?;
    let size = number(input, "MaxRecords").unwrap_or(100).clamp(1, 100);
    let (page, next) = page(found, from, size);
    let items: Vec<_> = page.into_iter().map(|(alarm, update)| item(alarm, update)).collect();
    Ok(without_nulls(json!({ "AlarmHistoryItems": items, "NextToken": next })))
}

fn item(alarm: &Alarm, update: &AlarmUpdate) -> Value {
    let AlarmUpdate { at, from, to, reason } = update;
    let data = json!({
        "version": "1.0",
        "oldState": { "stateValue": from },
        "newState": { "stateValue": to, "stateReason": reason },
    });
    json!({
        "AlarmName": alarm.name,
        "AlarmType": match alarm.kind {
            AlarmKind::Metric => "MetricAlarm",
            AlarmKind::Composite => "CompositeAlarm",
        },
        "Timestamp": epoch(*at),
        "HistoryItemType": "StateUpdate",
        "HistorySummary": format!("Alarm updated from {from} to {to}"),
        "HistoryData": data.to_string(),
    })
}

fn described(alarm: &Alarm) -> Value {
    let mut described = json!({
        "AlarmName": alarm.name,
        "AlarmArn": arn("cloudwatch", &format!("alarm:{}", alarm.name)),
        "ActionsEnabled": true,
        "OKActions": [],
        "AlarmActions": alarm.actions,
        "InsufficientDataActions": [],
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": epoch(alarm.since),
        "StateTransitionedTimestamp": epoch(alarm.since),
    });
    let kind_members = match alarm.kind {
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
            "EvaluationState": alarm.evaluation,
        }),
    };
    if let (Value::Object(described), Value::Object(more)) = (&mut described, kind_members) {
        described.extend(more);
    }
    without_nulls(described)
}
