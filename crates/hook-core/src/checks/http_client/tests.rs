use gate::{SubjectValues as _, Value};

use super::*;
use crate::checks::connection::RedirectPolicy;

fn request(url: &str) -> HttpRequest {
    let timeout = Duration::from_secs(1);
    HttpRequest { timeout, ..HttpRequest::new(Method::GET, url.parse().unwrap()) }
}

async fn code(url: &str) -> ReasonCode {
    HttpClient::new(None, EgressPolicy::new(&[], true)).send(&request(url)).await.unwrap_err().code
}

/// A server that does one thing for every connection.
async fn server<F>(each: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            each(stream).await;
        }
    });
    port
}

#[test]
fn a_query_and_a_password_are_not_shown() {
    let request = request("http://me:sesame@shop.example.com:8080/a?token=sesame#x");
    assert_eq!(request.title, "GET http://shop.example.com:8080/a?…");
}

#[tokio::test]
async fn each_way_to_fail_has_its_own_code() {
    assert_eq!(code("http://no-such-host.invalid/").await, ReasonCode::NameNotResolved);
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_eq!(code(&format!("http://127.0.0.1:{closed}/")).await, ReasonCode::ConnectRefused);
    let silent = server(|stream| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(stream);
    })
    .await;
    assert_eq!(code(&format!("http://127.0.0.1:{silent}/")).await, ReasonCode::ReadTimedOut);
    let rude = server(|stream| async move { drop(stream) }).await;
    assert_eq!(code(&format!("http://127.0.0.1:{rude}/")).await, ReasonCode::ConnectionReset);
    let plain = server(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    assert_eq!(code(&format!("https://localhost:{plain}/")).await, ReasonCode::TlsFailed);
}

#[test]
fn only_so_many_clients_are_kept() {
    let probe = HttpClient::new(None, EgressPolicy::new(&[], true));
    for connect in 1..=100 {
        let way = ConnectionOptions { connect_timeout: Duration::from_secs(connect), ..ConnectionOptions::default() };
        assert!(probe.client_for(&way).is_ok() && probe.client_for(&way).is_ok());
    }
    assert!(probe.clients.lock().unwrap().len() <= MAX_CACHED_CLIENTS);
}

#[tokio::test]
async fn a_host_can_lead_to_another_name() {
    let port = server(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut seen = vec![0; 1024];
        let read = stream.read(&mut seen).await.unwrap();
        let host = String::from_utf8_lossy(&seen[..read])
            .lines()
            .find(|line| line.starts_with("host"))
            .unwrap_or_default()
            .to_owned();
        let _ = stream
            .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{host}", host.len()).as_bytes())
            .await;
    })
    .await;
    let probe = HttpClient::new(None, EgressPolicy::new(&[], true));
    let connect_to = Some(ConnectTo { host: "shop.example.com".to_owned(), connect_host: "localhost".to_owned() });
    let connection = ConnectionOptions { connect_to, ..ConnectionOptions::default() };
    let request = HttpRequest { connection, ..request(&format!("http://shop.example.com:{port}/")) };
    let reply = probe.send(&request).await.unwrap();
    assert_eq!(reply.value_of("body"), Some(Value::Text(format!("host: shop.example.com:{port}"))));
}

/// A server that redirects every request to this URL.
async fn redirects_to(url: &str) -> u16 {
    let url = url.to_owned();
    server(move |mut stream| {
        let url = url.clone();
        async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let _ = stream.read(&mut [0; 1024]).await;
            let response = format!("HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(response.as_bytes()).await;
        }
    })
    .await
}

#[tokio::test]
async fn no_redirect_leads_to_an_address_that_is_refused() {
    let client = HttpClient::new(None, EgressPolicy::new(&[], true));
    for target in [
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://0xa9.0xfe.0251.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
    ] {
        let port = redirects_to(target).await;
        let connection = ConnectionOptions { redirect_policy: RedirectPolicy::Any(3), ..ConnectionOptions::default() };
        let request = HttpRequest { connection, ..request(&format!("http://127.0.0.1:{port}/")) };
        let error = client.send(&request).await.expect_err(target);
        assert_eq!((error.code, error.attempts), (ReasonCode::HostNotAllowed, 1), "{target}: {error:?}");
    }
}

#[tokio::test]
async fn no_redirect_leads_to_a_host_outside_the_list() {
    let client = HttpClient::new(None, EgressPolicy::new(&["127.0.0.1".to_owned()], true));
    let port = redirects_to("http://localhost:1/").await;
    let connection = ConnectionOptions { redirect_policy: RedirectPolicy::Any(3), ..ConnectionOptions::default() };
    let request = HttpRequest { connection, ..request(&format!("http://127.0.0.1:{port}/")) };
    let error = client.send(&request).await.unwrap_err();
    assert_eq!(error.describe(), "a host that checks cannot contact (localhost is not in GREENLIGHT_ALLOWED_HOSTS)");
}

#[tokio::test]
async fn a_name_is_refused_for_its_address() {
    let port = server(|stream| async move { drop(stream) }).await;
    let client = HttpClient::new(None, EgressPolicy::default());
    let url = format!("http://localhost:{port}/");
    let error = client.send(&request(&url)).await.unwrap_err();
    assert_eq!(error.code, ReasonCode::HostNotAllowed, "{error:?}");
    // The same for a name that stands for another one, as a load balancer's name does.
    let connect_to = Some(ConnectTo { host: "shop.example.com".to_owned(), connect_host: "localhost".to_owned() });
    let connection = ConnectionOptions { connect_to, is_listener: true, ..ConnectionOptions::default() };
    let request = HttpRequest { connection, ..request(&format!("http://shop.example.com:{port}/")) };
    assert_eq!(client.send(&request).await.unwrap_err().code, ReasonCode::HostNotAllowed);
    let limit = Duration::from_secs(1);
    for host in ["localhost", "127.0.0.1", "2130706433", "0177.0.0.1"] {
        let error = client.open_connection(host, port, limit).await.unwrap_err();
        assert_eq!(error.code, ReasonCode::HostNotAllowed, "{host}: {error:?}");
    }
}

#[tokio::test]
async fn the_list_is_about_the_host_that_is_contacted() {
    let client = HttpClient::new(None, EgressPolicy::new(&["none.invalid".to_owned()], true));
    let port = server(|stream| async move { drop(stream) }).await;
    let code_of = async |url: &str, host: &str, to: &str, is_listener: bool| {
        let connect_to = Some(ConnectTo { host: host.to_owned(), connect_host: to.to_owned() });
        let connection = ConnectionOptions { connect_to, is_listener, ..ConnectionOptions::default() };
        let request = HttpRequest { connection, ..request(url) };
        client.send(&request).await.unwrap_err().code
    };
    let url = format!("http://none.invalid:{port}/");
    // An allowed name that stands for a host outside the list.
    assert_eq!(code_of(&url, "none.invalid", "localhost", false).await, ReasonCode::HostNotAllowed);
    // A name outside the list that stands for an allowed host: the connection goes to the allowed one.
    let other = format!("http://shop.example:{port}/");
    assert_eq!(code_of(&other, "shop.example", "none.invalid", false).await, ReasonCode::NameNotResolved);
    // The listener itself needs no entry.
    assert_eq!(code_of(&other, "shop.example", "localhost", true).await, ReasonCode::ConnectionReset);
}
