//! Which connections are taken, and how do they become streams of bytes?
//!
//! ```text
//! accept -> [a slot: so many in all, so many an address] -> [TLS, within a time] -> Connection
//! ```
//! Both listeners take theirs here. Handshakes run beside each other: one that stalls holds up nobody. Knows no protocol above.

mod connection;
mod slots;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) use connection::{Connection, Peer};
pub(crate) use slots::Slots;
pub(crate) use tls::{Tls, TlsError};

use slots::Slot;

/// Time that a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause after the system gave no socket: there may be too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until `stop`, after which the receiver ends.
pub(crate) fn connections(
    listener: TcpListener,
    (slots, tls): (Arc<Slots>, Option<Arc<Tls>>),
    stop: CancellationToken,
) -> mpsc::Receiver<Connection> {
    let (ready, connections) = mpsc::channel(64);
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        loop {
            let (socket, slot) = match listener.accept().await {
                Ok((socket, peer)) => match slots.take(peer) {
                    Some(slot) => (socket, slot),
                    // Dropped, and thus closed at once: whoever floods costs no more than that.
                    None => continue,
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
            match &tls {
                None => drop(ready.send(Connection::plain(socket, slot)).await),
                Some(tls) => drop(tokio::spawn(shake_hands(Arc::clone(tls), (socket, slot), ready.clone()))),
            }
        }
    }));
    connections
}

async fn shake_hands(tls: Arc<Tls>, (socket, slot): (TcpStream, Slot), ready: mpsc::Sender<Connection>) {
    match tokio::time::timeout(HANDSHAKE, tls.accept(socket)).await {
        Ok(Ok(stream)) => drop(ready.send(Connection::encrypted(stream, slot)).await),
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
    }
}
