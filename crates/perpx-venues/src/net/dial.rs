//! A connection to a host: its name resolved anew, by a proxy or straight, by TLS or plain.

use super::hosts::{Address, HostError, Hosts};
use super::tls::{TlsError, client_config};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// To a connection and what must be said before it is one.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// An answer of a proxy is no longer.
const MOST_HEAD: usize = 8 << 10;

/// Bytes in both directions.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// How connections of a venue are made.
#[derive(Clone)]
pub struct Dialer {
    tls: Arc<ClientConfig>,
    proxy: Option<Address>,
}

/// What stands before any connection.
#[derive(Debug, thiserror::Error)]
// the texts say what they are
#[allow(missing_docs)]
pub enum DialError {
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error("{0}")]
    Host(#[from] HostError),
}

impl Dialer {
    /// `authority`: a file of roots beside those of the web, for a venue that is played on this machine. `proxy`: everything goes
    /// through it, by CONNECT.
    ///
    /// # Errors
    /// A file of roots that cannot be read, or one for a host elsewhere.
    pub fn new(hosts: &Hosts, authority: Option<&Path>, proxy: Option<Address>) -> Result<Dialer, DialError> {
        if let Some(foreign) = hosts.values().find(|address| authority.is_some() && !address.is_loopback()) {
            return Err(HostError::Authority(foreign.host.clone()).into());
        }
        Ok(Dialer { tls: Arc::new(client_config(authority)?), proxy })
    }

    /// As a client of requests takes it.
    pub fn tls(&self) -> ClientConfig {
        (*self.tls).clone()
    }

    /// Where everything goes through.
    pub fn proxy(&self) -> Option<&Address> {
        self.proxy.as_ref()
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// Whatever stands in the way, in words; also that it took more than [`PATIENCE`].
    pub async fn dial(&self, to: &Address) -> io::Result<Box<dyn Wire>> {
        let opened = timeout(PATIENCE, self.open(to)).await;
        opened.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection within 10 s")))
    }

    async fn open(&self, to: &Address) -> io::Result<Box<dyn Wire>> {
        let first = self.proxy.as_ref().unwrap_or(to);
        let mut stream = TcpStream::connect((first.host.as_str(), first.port)).await?;
        stream.set_nodelay(true)?;
        if self.proxy.is_some() {
            pass_proxy(&mut stream, to).await?;
        }
        if !to.is_tls {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(to.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(self.tls.clone()).connect(name, stream).await?))
    }
}

/// Asks a proxy for the rest of the way.
async fn pass_proxy(stream: &mut TcpStream, to: &Address) -> io::Result<()> {
    let host =
        if to.host.contains(':') { format!("[{}]:{}", to.host, to.port) } else { format!("{}:{}", to.host, to.port) };
    stream.write_all(format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // byte by byte: what follows the head belongs to the host
        head.push(stream.read_u8().await?);
        if head.len() > MOST_HEAD {
            return Err(io::Error::other("the proxy answers no CONNECT"));
        }
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(io::Error::other(format!("the proxy refuses: {line}"))),
    }
}
