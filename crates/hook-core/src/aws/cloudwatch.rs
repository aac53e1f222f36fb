//! CloudWatch, read: the state of alarms.

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::{Aws, Fault, text, time};
use crate::target::Alarm;

const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";

/// DescribeAlarms takes so many names at once.
const NAMES_A_CALL: usize = 100;

impl Aws {
    /// DescribeAlarms, metric and composite ones, by name. An alarm that does not exist is missing from the reply.
    pub async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, Fault> {
        let mut alarms = Vec::new();
        for chunk in names.chunks(NAMES_A_CALL) {
            let request = self
                .cloudwatch
                .describe_alarms()
                .set_alarm_names(Some(chunk.to_vec()))
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .max_records(100);
            let reply = request.send().await.map_err(|error| Fault::of(DESCRIBE_ALARMS, &error))?;
            alarms.extend(reply.metric_alarms().iter().map(|it| Alarm {
                name: text(it.alarm_name()),
                state: state(it.state_value()),
                reason: text(it.state_reason()),
                since: time(it.state_transitioned_timestamp().or(it.state_updated_timestamp())),
            }));
            alarms.extend(reply.composite_alarms().iter().map(|it| Alarm {
                name: text(it.alarm_name()),
                state: state(it.state_value()),
                reason: text(it.state_reason()),
                since: time(it.state_transitioned_timestamp().or(it.state_updated_timestamp())),
            }));
        }
        Ok(alarms)
    }
}

fn state(state: Option<&StateValue>) -> String {
    state.map_or("INSUFFICIENT_DATA", StateValue::as_str).to_owned()
}
