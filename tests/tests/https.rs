//! HTTPS listeners: the hook connects to the load balancer's name and sends the host of `GREENLIGHT_HOST`. A
//! certificate that a customer's browser would refuse stops the deployment.

use std::{io::Write as _, process::ExitCode, sync::Arc};

use greenlight_tests::{CaseGroup, HookCase, Suite};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rehearsal::Hook;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .async_cases("https", https)
        .async_cases("a_tls_listener_of_a_network_load_balancer", a_tls_listener_of_a_network_load_balancer)
        .async_cases("certificates_of_a_check", certificates_of_a_check)
        .run()
}

/// A certificate authority of this test: its certificate in a file, and the key that signs.
struct Authority {
    file: NamedTempFile,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "an authority of our own");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(certificate.pem().as_bytes()).unwrap();
    Authority { file, issuer: Issuer::new(params, key) }
}

/// Starts a service behind TLS that answers 200 only to requests for its own host. Returns its port.
async fn service(authority: &Authority, name: &str, until: i32) -> u16 {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = format!("host: {name}:{port}");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, host) = (acceptor.clone(), host.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let request_text = String::from_utf8_lossy(&request[..read]).to_ascii_lowercase();
                let status =
                    if request_text.lines().any(|line| line == host) { "200 OK" } else { "421 Misdirected Request" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

fn case(title: &str, port: u16, host: &'static str, authority: Option<&Authority>) -> HookCase {
    let case = HookCase::new(Hook::AfterAllowTestTraffic, title).env("GREENLIGHT_HOST", host).world(move |world| {
        let test = world.test().unwrap();
        test.protocol = "HTTPS".into();
        test.port = port;
    });
    match authority {
        Some(authority) => case.env("SSL_CERT_FILE", authority.file.path().to_str().unwrap()),
        None => case,
    }
}

async fn https() -> CaseGroup {
    let authority = authority();
    let good = service(&authority, "shop.example.com", 2120).await;
    let expired = service(&authority, "shop.example.com", 2021).await;
    CaseGroup::from(vec![
        case("the certificate has the host's name", good, "shop.example.com", Some(&authority)).succeeds(),
        case("the certificate has another name", good, "other.example.com", Some(&authority)).fails("TlsFailed"),
        case("the authority is not trusted", good, "shop.example.com", None).fails("TlsFailed"),
        case("the certificate has expired", expired, "shop.example.com", Some(&authority)).fails("TlsFailed"),
    ])
    .keep(authority)
}

/// A Network Load Balancer terminates TLS itself. So the hook verifies the handshake, which proves nothing about the
/// service.
async fn a_tls_listener_of_a_network_load_balancer() -> CaseGroup {
    let authority = authority();
    let good = service(&authority, "shop.example.com", 2120).await;
    let expired = service(&authority, "shop.example.com", 2021).await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let accepts = plain.local_addr().unwrap().port();
    tokio::spawn(async move { while plain.accept().await.is_ok() {} });
    let case = |title: &str, port, authority: Option<&Authority>| {
        case(title, port, "shop.example.com", authority).world(|world| {
            world.test().unwrap().protocol = "TLS".into();
            let check = &mut world.green_group().unwrap().health_check;
            (check.protocol, check.path, check.matcher) = ("TCP".into(), None, None);
        })
    };
    let asks = |world: &mut rehearsal::world::World| {
        let check = &mut world.green_group().unwrap().health_check;
        (check.protocol, check.path, check.matcher) = ("HTTP".into(), Some("/health".into()), Some("200".into()));
    };
    CaseGroup::from(vec![
        case("the certificate is good", good, Some(&authority)).succeeds().warns("ServiceUnverified"),
        case("the certificate has expired", expired, Some(&authority)).fails("TlsFailed"),
        case("the authority is not trusted", good, None).fails("TlsFailed"),
        case("the listener accepts connections and does not speak TLS", accepts, Some(&authority))
            .fails("ConnectionReset"),
        case("no host name is configured", good, Some(&authority))
            .with(|stage| stage.env("GREENLIGHT_HOST", ""))
            .succeeds()
            .warns("ServiceUnverified"),
        case("the health check is a request", good, Some(&authority))
            .world(asks)
            .succeeds()
            .check_outcome("health_check", "passed"),
        case("the health check is a request, and the certificate has expired", expired, Some(&authority))
            .world(asks)
            .fails("TlsFailed"),
        case("the listener is UDP", good, Some(&authority))
            .world(|world| world.test().unwrap().protocol = "UDP".into())
            .succeeds()
            .warns("ServiceUnverified"),
    ])
    .keep(authority)
}

/// A gate file with one request, after a barrier that does not wait.
fn request(keys: &str) -> &'static str {
    let gate = format!(
        "version: 1\nhooks: {{ after_allow_test_traffic: {{ built_in: none, checks: [{{ forwards_to: green, settle: 0s }},
           {{ name: mine, http: '{{{{test_url}}}}/', {keys}, expect: [status == 200] }}] }} }}"
    );
    // A case needs a gate file that lives as long as the test.
    Box::leak(gate.into_boxed_str())
}

async fn certificates_of_a_check() -> CaseGroup {
    let authority = authority();
    let good = service(&authority, "shop.example.com", 2120).await;
    let expired = service(&authority, "shop.example.com", 2021).await;
    let file = format!("tls: {{ ca_file: {} }}", authority.file.path().display());
    let case = |title: &str, port, keys: &str| case(title, port, "shop.example.com", None).gate(request(keys));
    CaseGroup::from(vec![
        case("the check names the authority's file", good, &file).succeeds(),
        case("the check names a file that does not exist", good, "tls: { ca_file: /nowhere/ca.pem }")
            .fails("TlsFailed"),
        case("the check does not verify the certificate", good, "tls: unverified")
            .succeeds()
            .warns("TlsUnverified")
            .check_outcome("mine", "unverified"),
        case("the check does not verify the certificate, which has expired", expired, "tls: unverified")
            .succeeds()
            .warns("TlsUnverified"),
        case(
            "the certificate does not have the name of the check's host",
            good,
            &format!("{file}, host: web.example.com"),
        )
        .fails("TlsFailed"),
        case(
            "the certificate has another name, which `server_name` gives",
            good,
            &format!("{}, host: web.example.com", file.replace(" }", ", server_name: shop.example.com }")),
        )
        // The service answers 200 only to requests for its own host, so another status proves that the hook sent the
        // other host.
        .fails("UnexpectedStatus"),
        case("`tls` has an invalid value", good, "tls: maybe").fails("GateInvalid"),
    ])
    .keep(authority)
}
