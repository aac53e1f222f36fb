//! Free ports on loopback.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

/// The number of connections that can wait to be accepted.
pub(super) const BACKLOG: u32 = 1024;

/// A reserved free port on loopback. It is reserved for IPv6 too if the machine has it, because `localhost` can resolve
/// to IPv6 first.
#[derive(Debug)]
pub(crate) struct Port {
    pub number: u16,
    sockets: Vec<TcpSocket>,
}

impl Port {
    pub fn reserve() -> std::io::Result<Self> {
        let four = TcpSocket::new_v4()?;
        four.bind(([127, 0, 0, 1], 0).into())?;
        let number = four.local_addr()?.port();
        let mut sockets = vec![four];
        let six =
            TcpSocket::new_v6().and_then(|six| six.bind((std::net::Ipv6Addr::LOCALHOST, number).into()).map(|()| six));
        sockets.extend(six);
        Ok(Self { number, sockets })
    }

    /// Reserves this port, for a client that must know it before. On IPv4's loopback it is reserved for IPv6 too, as in
    /// [`Self::reserve`].
    pub fn reserve_at(address: SocketAddr) -> std::io::Result<Self> {
        let mut sockets = vec![reused(address)?];
        let number = sockets[0].local_addr()?.port();
        if address.ip() == IpAddr::from([127, 0, 0, 1]) {
            sockets.extend(reused((std::net::Ipv6Addr::LOCALHOST, number).into()));
        }
        Ok(Self { number, sockets })
    }

    /// Starts to listen.
    pub fn listen(self) -> std::io::Result<Vec<TcpListener>> {
        self.sockets.into_iter().map(|socket| socket.listen(BACKLOG)).collect()
    }

    /// Ignores every connection attempt. The accept queue has the shortest length and is full, so the kernel drops
    /// incoming packets, as a security group would.
    pub async fn blackhole(self) -> std::io::Result<BlackholePort> {
        let listeners = self.sockets.into_iter().map(|socket| socket.listen(0)).collect::<Result<Vec<_>, _>>()?;
        let mut queue = Vec::new();
        for listener in &listeners {
            // The kernel decides how many connections fit in the queue. The first one that times out shows that it is
            // full.
            while let Ok(knock) = timeout(CONNECT_TIMEOUT, TcpStream::connect(listener.local_addr()?)).await {
                queue.push(knock?);
            }
        }
        Ok(BlackholePort { _listeners: listeners, _queue: queue })
    }
}

/// A socket for a port that an earlier process had a moment ago: its connections can still be in TIME_WAIT.
fn reused(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// A connection on loopback succeeds at once, unless the queue is full.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(100);

/// A port that never responds. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct BlackholePort {
    _listeners: Vec<TcpListener>,
    _queue: Vec<TcpStream>,
}
