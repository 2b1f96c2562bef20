//! The bytes of one connection: while a partition lasts none goes either way, and neither end learns of it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How often it is seen whether the partition is over.
const BEAT: Duration = Duration::from_millis(5);

/// Whether there is a partition now.
pub type IsParted = Arc<dyn Fn() -> bool + Send + Sync>;

/// A connection that partitions hold up.
pub struct Parted<S: Send + 'static> {
    /// `None` once it is dropped.
    stream: Option<S>,
    is_parted: IsParted,
    look: Pin<Box<Sleep>>,
}

impl<S: Send + 'static> Parted<S> {
    pub fn new(stream: S, is_parted: IsParted) -> Parted<S> {
        Parted { stream: Some(stream), is_parted, look: Box::pin(sleep(BEAT)) }
    }

    /// The stream, unless it must wait; then it is looked again soon.
    fn free(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut S>> {
        if (self.is_parted)() {
            self.look.as_mut().reset(Instant::now() + BEAT);
            if self.look.as_mut().poll(context).is_ready() {
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        Poll::Ready(self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

impl<S: AsyncRead + Unpin + Send + 'static> AsyncRead for Parted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = std::task::ready!(self.free(context))?;
        Pin::new(stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin + Send + 'static> AsyncWrite for Parted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = std::task::ready!(self.free(context))?;
        Pin::new(stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = std::task::ready!(self.free(context))?;
        Pin::new(stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = std::task::ready!(self.free(context))?;
        Pin::new(stream).poll_shutdown(context)
    }
}

/// The peer does not learn of its end before the partition is over.
impl<S: Send + 'static> Drop for Parted<S> {
    fn drop(&mut self) {
        let (stream, is_parted) = (self.stream.take(), self.is_parted.clone());
        // without a runtime the program ends, and with it everything
        if is_parted()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                while is_parted() {
                    sleep(BEAT).await;
                }
                drop(stream);
            });
        }
    }
}
