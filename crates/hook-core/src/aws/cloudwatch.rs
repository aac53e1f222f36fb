//! CloudWatch, read: the state of alarms.

use aws_sdk_cloudwatch::{
    operation::describe_alarms::{DescribeAlarmsOutput, builders::DescribeAlarmsFluentBuilder},
    types::{AlarmType, StateValue},
};

use super::{Aws, Fault, text, time};
use crate::target::Alarm;

pub(super) const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";

/// DescribeAlarms takes so many names at once.
const NAMES_A_CALL: usize = 100;

/// Pages of DescribeAlarms, 100 alarms each: an account has 5,000 in a region by default.
const MAX_PAGES: usize = 50;

impl Aws {
    /// DescribeAlarms, metric and composite ones, by name. An alarm that does not exist is missing from the reply.
    pub async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, Fault> {
        let mut alarms = Vec::new();
        for chunk in names.chunks(NAMES_A_CALL) {
            let request = self.every_kind().set_alarm_names(Some(chunk.to_vec()));
            let reply = self.send(DESCRIBE_ALARMS, || request.clone().send()).await?;
            alarms.extend(read(&reply));
        }
        Ok(alarms)
    }

    /// DescribeAlarms, all whose names begin so.
    pub async fn alarms_that_begin(&self, prefix: &str) -> Result<Vec<Alarm>, Fault> {
        let mut alarms = Vec::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let request = self.every_kind().alarm_name_prefix(prefix).set_next_token(token);
            let reply = self.send(DESCRIBE_ALARMS, || request.clone().send()).await?;
            alarms.extend(read(&reply));
            token = reply.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(alarms);
            }
        }
        Err(Fault::lacks(DESCRIBE_ALARMS, format_args!("end after {MAX_PAGES} pages")))
    }

    /// Composite alarms are left out unless they are asked for.
    fn every_kind(&self) -> DescribeAlarmsFluentBuilder {
        let request = self.cloudwatch.describe_alarms().alarm_types(AlarmType::MetricAlarm);
        request.alarm_types(AlarmType::CompositeAlarm).max_records(100)
    }
}

fn read(reply: &DescribeAlarmsOutput) -> impl Iterator<Item = Alarm> {
    let metric = reply.metric_alarms().iter().map(|it| Alarm {
        name: text(it.alarm_name()),
        state: state(it.state_value()),
        reason: text(it.state_reason()),
        since: time(it.state_transitioned_timestamp().or(it.state_updated_timestamp())),
    });
    let composite = reply.composite_alarms().iter().map(|it| Alarm {
        name: text(it.alarm_name()),
        state: state(it.state_value()),
        reason: text(it.state_reason()),
        since: time(it.state_transitioned_timestamp().or(it.state_updated_timestamp())),
    });
    metric.chain(composite)
}

fn state(state: Option<&StateValue>) -> String {
    state.map_or("INSUFFICIENT_DATA", StateValue::as_str).to_owned()
}
