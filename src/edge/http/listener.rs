//! The listener behind the API: a peer that takes nothing for too long is cut off, so that nobody who stops reading
//! holds a connection and what waits to be sent on it.

use axum::serve::Listener;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

pub struct PatientListener {
    listener: TcpListener,
    taken_within: Duration,
}

impl PatientListener {
    /// How long a peer may take nothing of what is sent to it.
    pub const TAKEN_WITHIN: Duration = Duration::from_secs(30);

    pub fn new(listener: TcpListener, taken_within: Duration) -> Self {
        Self { listener, taken_within }
    }
}

impl Listener for PatientListener {
    type Io = Pin<Box<TimeoutStream<TcpStream>>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        // What cannot be accepted is passed over, as axum's own listener does.
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // Events are small and must not wait for each other.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.taken_within));
        (Box::pin(stream), peer)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
