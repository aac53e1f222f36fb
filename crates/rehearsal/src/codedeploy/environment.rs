//! The environment of a scenario: its worlds, with open listeners and an open AWS endpoint.

use std::{path::Path, sync::Arc, time::SystemTime};

use anyhow::Context;

use crate::{
    fake_aws::{FakeAws, Recorder},
    http::{Port, ServerHandle},
    scenario::Scenario,
    service::{ServiceListeners, Tls},
    world::{World, WorldOptions},
};

/// A scenario's worlds before the first deployment, one for each service. Dropping this closes all ports.
#[derive(Debug)]
pub(crate) struct SimulatedEnvironment {
    pub aws: Arc<FakeAws>,
    /// The value for `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    /// The ports of the production and the test listener of the first service.
    pub listeners: [u16; 2],
    pub seed: u64,
    service_listeners: ServiceListeners,
    _server: ServerHandle,
}

impl SimulatedEnvironment {
    pub async fn open(scenario: &Scenario, seed: Option<u64>, recorder: Option<Recorder>) -> anyhow::Result<Self> {
        let now = SystemTime::now();
        // The ids differ each time, unless the caller gives a seed to repeat them. The seed is short enough to type.
        let micros = || now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros() % 1_000_000;
        let seed = seed.unwrap_or_else(|| micros() as u64);
        let given = &scenario.initial_with_gate()?;
        let (mut worlds, mut doors, mut listeners) = (Vec::new(), Vec::new(), Vec::new());
        for (service, name) in scenario.services().into_iter().enumerate() {
            let [production, test] =
                [Port::reserve(), Port::reserve()].map(|port| port.context("no free port on loopback for a listener"));
            let (production, test) = (production?, test?);
            listeners.push([production.number, test.number]);
            // Services of one account must not share any id.
            let seed = seed.wrapping_add(1_000_003 * service as u64);
            let options = WorldOptions { production: production.number, test: test.number, seed };
            worlds.push(World::for_service(name, now, options, given));
            doors.extend([(production, given.load_balancer.production_port), (test, given.load_balancer.test_port)]);
        }
        let listeners = *listeners.first().context("a scenario without deployments has no listeners")?;
        let cloud = Arc::new(FakeAws::with_services(worlds, scenario.faults.clone()).with_recorder(recorder));
        let tls =
            given.load_balancer.certificate.map(Tls::new).transpose().context("no certificate for the listeners")?;
        let front =
            ServiceListeners::open_with_state(&cloud, doors, tls).await.context("the listeners cannot be opened")?;
        let (port, serving) = cloud.serve().await.context("no free port on loopback for AWS")?;
        let endpoint = format!("http://127.0.0.1:{port}");
        Ok(Self { aws: cloud, endpoint, listeners, seed, service_listeners: front, _server: serving })
    }

    /// The file with the certificate of the authority that signed the listeners' certificate, for `SSL_CERT_FILE`.
    pub fn authority(&self) -> Option<&Path> {
        self.service_listeners.authority()
    }
}
