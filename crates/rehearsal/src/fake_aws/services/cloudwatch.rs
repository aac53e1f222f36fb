//! CloudWatch's operations.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, epoch, number, text, texts, without_nulls},
    world::{ACCOUNT, Alarm, AlarmKind, AlarmUpdate, REGION, World},
};

pub(crate) fn describe_alarms(world: &World, input: &Value) -> OperationResult {
    let names = texts(input, "AlarmNames");
    let (prefix, state) = (text(input, "AlarmNamePrefix"), text(input, "StateValue"));
    let is_requested = alarm_type_filter(input);
    let found: Vec<_> = world
        .alarms
        .iter()
        .filter(|alarm| is_requested(alarm.kind))
        .filter(|alarm| names.is_empty() || names.contains(&alarm.name.as_str()))
        .filter(|alarm| alarm.name.starts_with(prefix) && (state.is_empty() || alarm.state == state))
        .collect();
    let from = match text(input, "NextToken") {
        "" => 0,
        token => token.parse().map_err(|_| ApiError::new("InvalidNextToken", "Invalid token"))?,
    };
    let size = number(input, "MaxRecords").unwrap_or(50);
    let next = (found.len() > from + size).then(|| (from + size).to_string());
    let page = || found.iter().skip(from).take(size);
    let page_of = |kind: AlarmKind| {
        page().filter(move |alarm| alarm.kind == kind).map(|alarm| described(alarm)).collect::<Vec<_>>()
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
    let from = match text(input, "NextToken") {
        "" => 0,
        token => token.parse().map_err(|_| ApiError::new("InvalidNextToken", "Invalid token"))?,
    };
    let size = number(input, "MaxRecords").unwrap_or(100).clamp(1, 100);
    let next = (found.len() > from + size).then(|| (from + size).to_string());
    let items: Vec<_> = found.into_iter().skip(from).take(size).map(|(alarm, update)| item(alarm, update)).collect();
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
