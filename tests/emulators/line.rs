//! The line between an emulator and whoever asks: on request it is slow, stands still, or breaks after so many bytes of an answer. What a
//! network does to packets, on loopback and without rights.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;

/// How a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Well,
    /// So many bytes at a time, and a pause after each.
    Drips { bytes: usize, pause: Duration },
    /// So many bytes get through, then it stands still for this long, then all is well.
    Stalls { after: usize, pause: Duration },
    /// So many bytes get through, then the connection breaks, and every other one at its first byte.
    Breaks { after: usize },
}

/// How the lines of a server are from now on; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<State>>);

impl Lines {
    pub fn are(&self, state: State) {
        *self.0.lock().unwrap() = state;
    }
}

/// A server's door, whose connections are such lines.
pub struct Door {
    listener: TcpListener,
    lines: Lines,
}

impl Door {
    pub fn new(listener: TcpListener, lines: Lines) -> Self {
        Self { listener, lines }
    }
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (socket, address) = Listener::accept(&mut self.listener).await;
        (Line { socket, lines: self.lines.clone(), pause: None }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection, of which what the server writes is meddled with.
pub struct Line {
    socket: TcpStream,
    lines: Lines,
    pause: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let lines = self.lines.clone();
        let mut state = lines.0.lock().unwrap();
        let most = match *state {
            State::Well => bytes.len(),
            State::Drips { bytes, .. } => bytes,
            State::Stalls { after: 0, pause } => {
                *state = State::Well;
                drop(state);
                self.pause = Some(Box::pin(tokio::time::sleep(pause)));
                return self.poll_write(context, bytes);
            }
            State::Breaks { after: 0 } => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            State::Stalls { after, .. } | State::Breaks { after } => after,
        };
        let written =
            ready!(Pin::new(&mut self.socket).poll_write(context, &bytes[..most.min(bytes.len())]))?;
        match &mut *state {
            State::Well => {}
            State::Drips { pause, .. } => {
                let pause = tokio::time::sleep(*pause);
                drop(state);
                self.pause = Some(Box::pin(pause));
            }
            State::Stalls { after, .. } | State::Breaks { after } => *after -= written,
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
