//! A stream of bytes with a client at its other end, encrypted or not.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::slots::Slot;

/// Who is at the other end; both protocols find it in a request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// The address of the socket.
    pub(crate) address: SocketAddr,
    /// Whether nobody between can read along.
    pub(crate) encrypted: bool,
    /// Told apart from every other connection of the process by it.
    pub(crate) number: u64,
}

impl Peer {
    /// Whether a password may travel on this connection.
    pub(crate) fn keeps_secrets(&self) -> bool {
        self.encrypted || self.address.ip().to_canonical().is_loopback()
    }
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    slot: Slot,
}

impl Connection {
    pub(super) const fn plain(socket: TcpStream, slot: Slot) -> Self {
        Self { stream: Stream::Plain(socket), slot }
    }

    pub(super) fn encrypted(stream: TlsStream<TcpStream>, slot: Slot) -> Self {
        Self { stream: Stream::Encrypted(Box::new(stream)), slot }
    }

    /// Who is at the other end.
    pub(crate) const fn peer(&self) -> Peer {
        let encrypted = matches!(self.stream, Stream::Encrypted(_));
        Peer { address: self.slot.peer, encrypted, number: self.slot.number }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Encrypted(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Encrypted(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Stream::Encrypted(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Encrypted(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
