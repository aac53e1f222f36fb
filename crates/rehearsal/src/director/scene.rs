//! A scenario's worlds with their listeners and their AWS open.

use std::{path::Path, sync::Arc, time::SystemTime};

use anyhow::Context;

use crate::{
    aws::{Cloud, Recorder},
    exchange::{Port, Serving, serve_anywhere},
    scenario::Scenario,
    service::{Front, Tls},
    world::{Ground, World},
};

/// A scenario's worlds before the first deployment, one for each service. Dropping it closes everything.
#[derive(Debug)]
pub(crate) struct Scene {
    pub cloud: Arc<Cloud>,
    /// What `AWS_ENDPOINT_URL` has to be.
    pub endpoint: String,
    /// The ports of the (first) service's production and test listener.
    pub listeners: [u16; 2],
    pub seed: u64,
    front: Front,
    _serving: Serving,
}

impl Scene {
    pub async fn open(scenario: &Scenario, seed: Option<u64>, recorder: Option<Recorder>) -> anyhow::Result<Self> {
        let now = SystemTime::now();
        // Other ids each time, unless somebody wants the same again: then the seed is short enough to be typed.
        let micros = || now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros() % 1_000_000;
        let seed = seed.unwrap_or_else(|| micros() as u64);
        let given = &scenario.given_with_gate()?;
        let (mut worlds, mut doors, mut listeners) = (Vec::new(), Vec::new(), Vec::new());
        for (service, name) in scenario.services().into_iter().enumerate() {
            let [production, test] =
                [Port::hold(), Port::hold()].map(|port| port.context("no free port on loopback for a listener"));
            let (production, test) = (production?, test?);
            listeners.push([production.number, test.number]);
            // Services of one account have no id in common.
            let seed = seed.wrapping_add(1_000_003 * service as u64);
            let ground = Ground { production: production.number, test: test.number, seed };
            worlds.push(World::of(name, now, ground, given));
            doors.extend([(production, given.balancer.production_port), (test, given.balancer.test_port)]);
        }
        let listeners = *listeners.first().context("a scenario without deployments has no listeners")?;
        let cloud = Arc::new(Cloud::of(worlds, scenario.faults.clone()).recorded(recorder));
        let tls = given.balancer.certificate.map(Tls::new).transpose().context("no certificate for the listeners")?;
        let front = Front::open_doors(&cloud, doors, tls).await.context("the listeners cannot be opened")?;
        let aws = cloud.clone();
        let (port, serving) = serve_anywhere(move |request| {
            let aws = aws.clone();
            async move { aws.answer(request).await }
        })
        .await
        .context("no free port on loopback for AWS")?;
        let endpoint = format!("http://127.0.0.1:{port}");
        Ok(Self { cloud, endpoint, listeners, seed, front, _serving: serving })
    }

    /// The file with the certificate of the authority that signed the listeners', for `SSL_CERT_FILE`.
    pub fn authority(&self) -> Option<&Path> {
        self.front.authority()
    }
}
