//! The environment of a scenario: its worlds, with open listeners and an open AWS endpoint.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use anyhow::Context;

use crate::{
    fake_aws::{FakeAws, Recorder},
    http::{Port, ServerHandle},
    scenario::Scenario,
    service::{ListenerPort, ServiceListeners, Tls},
    world::{ListenerRole, World, WorldOptions},
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
    /// Opens everything on free ports of loopback.
    pub async fn open(scenario: &Scenario, seed: Option<u64>, recorder: Option<Recorder>) -> anyhow::Result<Self> {
        Self::open_at(scenario, seed, recorder, &FixedPorts::default()).await
    }

    /// Opens everything at the ports that the caller has fixed, or on free ports.
    pub async fn open_at(
        scenario: &Scenario,
        seed: Option<u64>,
        recorder: Option<Recorder>,
        ports: &FixedPorts,
    ) -> anyhow::Result<Self> {
        let now = SystemTime::now();
        // The ids differ each time, unless the caller gives a seed to repeat them. The seed is short enough to type.
        let micros = || now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros() % 1_000_000;
        let seed = seed.unwrap_or_else(|| micros() as u64);
        let given = &scenario.initial_with_gate()?;
        let (mut worlds, mut listener_ports, mut listeners) = (Vec::new(), Vec::new(), Vec::new());
        for (service, name) in scenario.services().into_iter().enumerate() {
            // The AWS endpoint has the first fixed port. The Runtime APIs have the five after the first two listeners.
            let first = if service == 0 { 1 } else { 6 + 2 * service as u16 };
            let (production, test) = (ports.reserve(first)?, ports.reserve(first + 1)?);
            listeners.push([production.number, test.number]);
            // Services of one account must not share any id.
            let seed = seed.wrapping_add(1_000_003 * service as u64);
            let options = WorldOptions { production: production.number, test: test.number, seed };
            let mut world = World::for_service(name, now, options, given);
            world.load_balancers.iter_mut().for_each(|balancer| balancer.dns_name.clone_from(&ports.dns_name()));
            worlds.push(world);
            let balancer = &given.load_balancer;
            let [production_tls, test_tls] = [ListenerRole::Production, ListenerRole::Test]
                .map(|listener| balancer.certificate_of(listener).is_some());
            listener_ports.extend([
                ListenerPort { port: production, state: balancer.production_port, has_tls: production_tls },
                ListenerPort { port: test, state: balancer.test_port, has_tls: test_tls },
            ]);
        }
        let listeners = *listeners.first().context("a scenario without deployments has no listeners")?;
        let cloud = Arc::new(FakeAws::with_services(worlds, scenario.faults.clone()).with_recorder(recorder));
        let names = &given.load_balancer.certificate_names;
        let tls = given.load_balancer.certificate.map(|certificate| Tls::new(certificate, names));
        let tls = tls.transpose().context("no certificate for the listeners")?;
        let front = ServiceListeners::open_with_state(&cloud, listener_ports, tls)
            .await
            .context("the listeners cannot be opened")?;
        let address = ports.address(0);
        let (port, serving) = cloud.serve_at(address).await.with_context(|| no_port(address, "AWS"))?;
        let endpoint = format!("http://{}", ports.reachable(port));
        Ok(Self { aws: cloud, endpoint, listeners, seed, service_listeners: front, _server: serving })
    }

    /// The file with the certificate of the authority that signed the listeners' certificate, for `SSL_CERT_FILE`.
    pub fn authority(&self) -> Option<&Path> {
        self.service_listeners.authority()
    }
}

/// Where the ports of an environment are: at consecutive numbers that a client knows before, or anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FixedPorts(pub Option<SocketAddr>);

impl FixedPorts {
    /// The address with the number `offset`, counted from 0. Its port is 0 if no port is fixed, which stands for a free
    /// port.
    pub fn address(&self, offset: u16) -> SocketAddr {
        match self.0 {
            Some(first) => SocketAddr::new(first.ip(), first.port().saturating_add(offset)),
            None => SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    /// The address at which a client on this machine reaches a port.
    pub fn reachable(&self, port: u16) -> SocketAddr {
        let ip = self.0.map(|first| first.ip()).filter(|ip| !ip.is_unspecified());
        SocketAddr::new(ip.unwrap_or(IpAddr::from([127, 0, 0, 1])), port)
    }

    /// The name of the load balancer. A listener on loopback, or on all addresses, has the name that a certificate for
    /// this machine has.
    pub fn dns_name(&self) -> String {
        match self.0.map(|first| first.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback()) {
            Some(ip) => ip.to_string(),
            None => "localhost".to_owned(),
        }
    }

    fn reserve(&self, offset: u16) -> anyhow::Result<Port> {
        match self.0 {
            None => Port::reserve().context("no free port on loopback for a listener"),
            Some(_) => {
                let address = self.address(offset);
                Port::reserve_at(address).with_context(|| no_port(address, "a listener"))
            }
        }
    }
}

/// The message if a port cannot be opened.
pub(crate) fn no_port(address: SocketAddr, purpose: &str) -> String {
    match address.port() {
        0 => format!("no free port on loopback for {purpose}"),
        _ => format!("cannot listen on {address} for {purpose}"),
    }
}
