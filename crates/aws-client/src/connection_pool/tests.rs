//! A server on loopback that follows a script, one list of replies for each connection that it accepts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const LIMITS: RequestLimits = RequestLimits { connect: Duration::from_secs(20), read: Duration::from_secs(20) };
const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const SERVER_ERROR: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}";

struct Server {
    url: String,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Each connection gets the next script; a connection closes after its last reply.
    async fn start(scripts: Vec<Vec<&'static str>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/path?query", listener.local_addr().unwrap());
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = accepted.clone();
        tokio::spawn(async move {
            for script in scripts {
                let (mut stream, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    for reply in script {
                        let mut request = [0; 4096];
                        let read = stream.read(&mut request).await.unwrap();
                        if read == 0 {
                            return;
                        }
                        let text = String::from_utf8_lossy(&request[..read]).into_owned();
                        assert!(text.starts_with("POST /path?query HTTP/1.1\r\n"), "{text}");
                        assert!(text.contains("\r\nhost: 127.0.0.1:"), "{text}");
                        stream.write_all(reply.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self { url, accepted }
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    async fn status(&self, pool: &ConnectionPool) -> Result<u16, ConnectorError> {
        let mut request = HttpRequest::new(SdkBody::from("body"));
        request.set_method("POST").unwrap();
        request.set_uri(self.url.as_str()).unwrap();
        pool.send(request, LIMITS).await.map(|reply| reply.status().as_u16())
    }
}

fn pool() -> ConnectionPool {
    let settings = crate::AwsSettings::default();
    ConnectionPool::new(settings.tls.get(&settings))
}

#[tokio::test]
async fn connection_is_reused_after_a_good_reply() {
    let (server, pool) = (Server::start(vec![vec![GOOD, GOOD, GOOD]]).await, pool());
    for _ in 0..3 {
        assert_eq!(server.status(&pool).await.unwrap(), 200);
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn connection_is_not_reused_after_a_server_error() {
    let (server, pool) = (Server::start(vec![vec![SERVER_ERROR, GOOD], vec![GOOD]]).await, pool());
    assert_eq!(server.status(&pool).await.unwrap(), 503);
    assert_eq!(server.status(&pool).await.unwrap(), 200);
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn connection_that_the_server_closed_costs_no_attempt() {
    let (server, pool) = (Server::start(vec![vec![GOOD], vec![GOOD]]).await, pool());
    assert_eq!(server.status(&pool).await.unwrap(), 200);
    // Until the closing has arrived here.
    while pool.idle.lock().unwrap().first().is_some_and(|idle| !idle.connection.is_closed()) {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.status(&pool).await.unwrap(), 200);
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn early_connection_is_the_one_that_the_request_uses() {
    let (server, pool) = (Server::start(vec![vec![GOOD]]).await, pool());
    pool.connect_early(&server.url, LIMITS.connect).await.unwrap();
    pool.connect_early(&server.url, LIMITS.connect).await.unwrap();
    assert_eq!(server.status(&pool).await.unwrap(), 200);
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn connecting_early_again_does_not_make_an_open_connection_younger() {
    let (server, pool) = (Server::start(vec![vec![GOOD]]).await, pool());
    pool.connect_early(&server.url, LIMITS.connect).await.unwrap();
    let since = || pool.idle.lock().unwrap()[0].since;
    let before = since();
    pool.connect_early(&server.url, LIMITS.connect).await.unwrap();
    assert_eq!(since(), before);
}

#[tokio::test]
async fn request_waits_for_the_connection_that_is_being_opened() {
    let (server, pool) = (Server::start(vec![vec![GOOD]]).await, pool());
    let (early, again, reply) = tokio::join!(
        pool.connect_early(&server.url, LIMITS.connect),
        pool.connect_early(&server.url, LIMITS.connect),
        server.status(&pool),
    );
    early.unwrap();
    again.unwrap();
    assert_eq!(reply.unwrap(), 200);
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn connection_that_was_idle_for_long_is_replaced() {
    let (server, pool) = (Server::start(vec![vec![GOOD, GOOD], vec![GOOD]]).await, pool());
    assert_eq!(server.status(&pool).await.unwrap(), 200);
    // As after a freeze during which the monotonic clock stood still.
    pool.idle.lock().unwrap()[0].wall_clock -= MAX_IDLE;
    assert_eq!(server.status(&pool).await.unwrap(), 200);
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn reply_that_breaks_off_is_a_transient_error_and_its_connection_is_closed() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}";
    let (server, pool) = (Server::start(vec![vec![cut], vec![GOOD]]).await, pool());
    let error = server.status(&pool).await.unwrap_err();
    assert_eq!(error.as_other(), Some(ErrorKind::TransientError));
    assert!(error.into_source().to_string().starts_with("a reply of status 200 that breaks off"));
    assert_eq!(server.status(&pool).await.unwrap(), 200);
}

#[tokio::test]
async fn no_reply_at_all_is_an_error_that_is_retried() {
    let (server, pool) = (Server::start(vec![vec![""], vec!["garbage\r\n\r\n"]]).await, pool());
    assert!(server.status(&pool).await.unwrap_err().is_io());
    assert!(server.status(&pool).await.unwrap_err().is_io());
}

#[tokio::test]
async fn silent_server_meets_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut request = HttpRequest::new(SdkBody::from("body"));
    request.set_uri(url.as_str()).unwrap();
    let limits = RequestLimits { read: Duration::from_millis(20), ..LIMITS };
    let error = pool().send(request, limits).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.into_source().to_string(), "no reply within 20ms");
}

#[tokio::test]
async fn nothing_listens() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = pool().connect_early(&format!("http://127.0.0.1:{port}"), LIMITS.connect).await.unwrap_err();
    assert!(error.is_io());
}
