use gate::{SubjectValues as _, Value};

use super::*;

fn request(url: &str) -> HttpRequest {
    let timeout = Duration::from_secs(1);
    HttpRequest { timeout, ..HttpRequest::new(Method::GET, url.parse().unwrap()) }
}

async fn code(url: &str) -> ReasonCode {
    HttpClient::new(None).send(&request(url)).await.unwrap_err().code
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
    let probe = HttpClient::new(None);
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
    let probe = HttpClient::new(None);
    let connect_to = Some(ConnectTo { host: "shop.example.com".to_owned(), connect_host: "localhost".to_owned() });
    let connection = ConnectionOptions { connect_to, ..ConnectionOptions::default() };
    let request = HttpRequest { connection, ..request(&format!("http://shop.example.com:{port}/")) };
    let reply = probe.send(&request).await.unwrap();
    assert_eq!(reply.value_of("body"), Some(Value::Text(format!("host: shop.example.com:{port}"))));
}
