//! `image: green|blue`: every task runs the image in the task definition.

use std::time::Duration;

use lifecycle::{Colour, TrafficRoute};

use super::{KindSpec, PollPolicy};
use crate::{AwsOperation, MapReader, Referenced, permissions::Requirement};

pub(super) const KEY: &str = "image";

#[derive(Clone, Debug)]
pub struct ImageSpec {
    pub colour: Colour,
    /// The containers to check. Empty for all.
    pub containers: Vec<String>,
    pub poll_policy: PollPolicy,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<ImageSpec> {
    let colour = fields.variant("image", &Colour::VARIANTS);
    let containers = fields.strings("containers").into_iter().map(|(_, name)| name).collect();
    let poll_policy =
        PollPolicy::read(fields, &PollPolicy { every: Duration::from_secs(5), ..PollPolicy::SINGLE_ATTEMPT });
    Some(ImageSpec { colour: colour?, containers, poll_policy })
}

impl KindSpec for ImageSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        format!("image {}", self.colour.as_str())
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn colour(&self) -> Option<Colour> {
        Some(self.colour)
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn references(&self) -> Vec<Referenced> {
        self.containers.iter().cloned().map(Referenced::Container).collect()
    }

    fn requirements(&self) -> Vec<Requirement> {
        let why = "to compare the images that tasks run with those of the task definition";
        [AwsOperation::Service, AwsOperation::TaskDefinition, AwsOperation::Tasks]
            .map(|ask| Requirement::new(ask, why))
            .into()
    }
}
