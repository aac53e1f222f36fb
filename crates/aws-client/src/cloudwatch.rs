//! Reads CloudWatch: the state of alarms, and their history.

use std::time::SystemTime;

use aws_sdk_cloudwatch::{
    operation::describe_alarms::{DescribeAlarmsOutput, builders::DescribeAlarmsFluentBuilder},
    types::{AlarmHistoryItem, AlarmType, EvaluationState, HistoryItemType, ScanBy, StateValue},
};
use gate::permissions::actions::{DESCRIBE_ALARM_HISTORY, DESCRIBE_ALARMS};
use serde_json::Value;

use super::{Aws, AwsError, system_time, text_or_empty};
use crate::model::{Alarm, AlarmChange};

/// The maximum number of names for one DescribeAlarms call.
const MAX_NAMES_PER_CALL: usize = 100;

/// Pages of DescribeAlarms with 100 alarms each. The default quota is 5,000 alarms in a Region of an account.
const MAX_PAGES: usize = 50;
/// Pages of DescribeAlarmHistory with 100 changes each. CloudWatch evaluates an alarm at most every 10 s, and a window
/// lasts minutes.
const MAX_HISTORY_PAGES: usize = 5;

impl Aws {
    /// DescribeAlarms for metric and composite alarms, by name. The reply does not contain alarms that do not exist.
    pub async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, AwsError> {
        let mut alarms = Vec::new();
        for chunk in names.chunks(MAX_NAMES_PER_CALL) {
            let request = self.describe_alarms_request().set_alarm_names(Some(chunk.to_vec()));
            let reply = self.send(DESCRIBE_ALARMS, || request.clone().send()).await?;
            alarms.extend(alarms_in(&reply));
        }
        Ok(alarms)
    }

    /// DescribeAlarms for all alarms with this name prefix.
    pub async fn alarms_with_prefix(&self, prefix: &str) -> Result<Vec<Alarm>, AwsError> {
        let mut alarms = Vec::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let request = self.describe_alarms_request().alarm_name_prefix(prefix).set_next_token(token);
            let reply = self.send(DESCRIBE_ALARMS, || request.clone().send()).await?;
            alarms.extend(alarms_in(&reply));
            token = reply.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(alarms);
            }
        }
        Err(AwsError::missing_field(DESCRIBE_ALARMS, format_args!("end after {MAX_PAGES} pages")))
    }

    /// DescribeAlarms for the alarms with this name prefix, each with whether it notifies anybody when it fires. It reads one
    /// page: a prefix that is a function's name matches few alarms.
    pub async fn alarms_with_receivers(&self, prefix: &str) -> Result<Vec<(String, bool)>, AwsError> {
        let request = self.describe_alarms_request().alarm_name_prefix(prefix);
        let reply = self.send(DESCRIBE_ALARMS, || request.clone().send()).await?;
        let has_receiver = |enabled: Option<bool>, actions: &[String]| enabled.unwrap_or(true) && !actions.is_empty();
        let metric = reply.metric_alarms().iter();
        let metric = metric.map(|it| (it.alarm_name(), has_receiver(it.actions_enabled(), it.alarm_actions())));
        let composite = reply.composite_alarms().iter();
        let composite = composite.map(|it| (it.alarm_name(), has_receiver(it.actions_enabled(), it.alarm_actions())));
        Ok(metric.chain(composite).map(|(name, has_receiver)| (text_or_empty(name), has_receiver)).collect())
    }

    /// DescribeAlarmHistory: the states that an alarm entered since `from`, in order.
    pub async fn alarm_history(&self, name: &str, from: SystemTime) -> Result<Vec<AlarmChange>, AwsError> {
        let mut changes = Vec::new();
        let mut token = None;
        for _ in 0..MAX_HISTORY_PAGES {
            // Without both types, the history of a composite alarm is empty.
            let request =
                self.cloudwatch().describe_alarm_history().alarm_name(name).alarm_types(AlarmType::MetricAlarm);
            let request =
                request.alarm_types(AlarmType::CompositeAlarm).history_item_type(HistoryItemType::StateUpdate);
            let request = request.start_date(from.into()).scan_by(ScanBy::TimestampAscending).max_records(100);
            let request = request.set_next_token(token);
            let reply = self.send(DESCRIBE_ALARM_HISTORY, || request.clone().send()).await?;
            for item in reply.alarm_history_items() {
                let change = alarm_change(item);
                changes.push(change.ok_or_else(|| {
                    AwsError::missing_field(DESCRIBE_ALARM_HISTORY, "state that the alarm came into")
                })?);
            }
            token = reply.next_token().map(str::to_owned);
            if token.is_none() {
                changes.sort_by_key(|change| change.at);
                return Ok(changes);
            }
        }
        Err(AwsError::missing_field(DESCRIBE_ALARM_HISTORY, format_args!("end after {MAX_HISTORY_PAGES} pages")))
    }

    /// DescribeAlarms leaves out composite alarms unless the request names both types.
    fn describe_alarms_request(&self) -> DescribeAlarmsFluentBuilder {
        let request = self.cloudwatch().describe_alarms().alarm_types(AlarmType::MetricAlarm);
        request.alarm_types(AlarmType::CompositeAlarm).max_records(100)
    }
}

fn alarms_in(reply: &DescribeAlarmsOutput) -> impl Iterator<Item = Alarm> {
    let metric = reply.metric_alarms().iter().map(|it| Alarm {
        name: text_or_empty(it.alarm_name()),
        state: alarm_state(it.state_value()),
        reason: text_or_empty(it.state_reason()),
        since: system_time(it.state_transitioned_timestamp().or(it.state_updated_timestamp())),
        evaluation: it.evaluation_state().map(EvaluationState::as_str).map(str::to_owned),
    });
    let composite = reply.composite_alarms().iter().map(|it| Alarm {
        name: text_or_empty(it.alarm_name()),
        state: alarm_state(it.state_value()),
        reason: text_or_empty(it.state_reason()),
        since: system_time(it.state_transitioned_timestamp().or(it.state_updated_timestamp())),
        evaluation: None,
    });
    metric.chain(composite)
}

/// A state change from the history: from its JSON text, or else from its summary.
fn alarm_change(item: &AlarmHistoryItem) -> Option<AlarmChange> {
    let data: Value = item.history_data().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    let new = |key: &str| data.pointer(&format!("/newState/{key}")).and_then(Value::as_str).map(str::to_owned);
    // `Alarm updated from OK to ALARM`
    let from_summary = || item.history_summary()?.rsplit_once(" to ").map(|(_, state)| state.trim().to_owned());
    Some(AlarmChange {
        at: system_time(item.timestamp())?,
        state: new("stateValue").or_else(from_summary)?,
        reason: new("stateReason").unwrap_or_default(),
    })
}

fn alarm_state(state: Option<&StateValue>) -> String {
    state.map_or("INSUFFICIENT_DATA", StateValue::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_state_is_read_from_its_data_and_else_from_its_summary() {
        let item = |data: &str| {
            let item = AlarmHistoryItem::builder().timestamp(SystemTime::UNIX_EPOCH.into());
            item.history_summary("Alarm updated from OK to ALARM").history_data(data).build()
        };
        let data = r#"{"version":"1.0","oldState":{"stateValue":"OK"},"newState":{"stateValue":"INSUFFICIENT_DATA","stateReason":"no data"}}"#;
        let state = |data: &str| alarm_change(&item(data)).map(|change| change.state);
        assert_eq!(state(data).as_deref(), Some("INSUFFICIENT_DATA"));
        assert_eq!(state("{").as_deref(), Some("ALARM"));
        assert_eq!(
            alarm_change(&AlarmHistoryItem::builder().history_data(data).build()),
            None,
            "a change without a time is not returned"
        );
    }
}
