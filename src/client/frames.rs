//! Messages on a stream: four bytes of length, then JSON. Whatever is longer than allowed ends the stream.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// Why a stream of messages broke.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The system's words.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The other end closed it.
    #[error("the connection was closed")]
    Closed,
    /// What came is no message of ours.
    #[error("a message cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// Reads messages.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    codec: LengthDelimitedCodec,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads messages of at most so many bytes.
    pub fn new(from: R, bytes_max: usize) -> Self {
        let codec = LengthDelimitedCodec::builder().max_frame_length(bytes_max).new_codec();
        Self { from, codec, buffer: BytesMut::new() }
    }

    /// From now on so many bytes.
    pub fn allow(&mut self, bytes_max: usize) {
        self.codec.set_max_frame_length(bytes_max);
    }

    /// The next message. Nothing is lost when the future is dropped before it is there.
    ///
    /// # Errors
    /// When the stream ended, broke, or what came is no message.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<T, FrameError> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.buffer)? {
                return Ok(serde_json::from_slice(&frame)?);
            }
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Err(FrameError::Closed);
            }
        }
    }
}

/// Writes messages.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    codec: LengthDelimitedCodec,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes messages of at most so many bytes.
    pub fn new(to: W, bytes_max: usize) -> Self {
        Self { to, codec: LengthDelimitedCodec::builder().max_frame_length(bytes_max).new_codec() }
    }

    /// Writes one message, whole.
    ///
    /// # Errors
    /// When the stream broke, or the message is longer than allowed.
    pub async fn send<T: Serialize + Sync>(&mut self, message: &T) -> Result<(), FrameError> {
        let mut frame = BytesMut::new();
        self.codec.encode(Bytes::from(serde_json::to_vec(message)?), &mut frame)?;
        Ok(self.to.write_all(&frame).await?)
    }
}
