//! Messages on a stream: four bytes of length, then JSON. Whatever is longer than allowed ends the stream.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, LengthDelimitedCodec};

/// Bytes of a message's length, the greatest first.
const HEAD_BYTES: usize = 4;

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
        Ok(serde_json::from_slice(&self.next_bytes().await?)?)
    }

    /// The bytes of the next message. Nothing is lost when the future is dropped before they are there.
    ///
    /// # Errors
    /// When the stream ended or broke.
    pub async fn next_bytes(&mut self) -> Result<BytesMut, FrameError> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.buffer)? {
                return Ok(frame);
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
    bytes_max: usize,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes messages of at most so many bytes.
    pub const fn new(to: W, bytes_max: usize) -> Self {
        Self { to, bytes_max }
    }

    /// Writes one message, whole.
    ///
    /// # Errors
    /// When the stream broke, or the message is longer than allowed.
    pub async fn send<T: Serialize + Sync>(&mut self, message: &T) -> Result<(), FrameError> {
        // In one buffer, the length's place before it: a full picture is too big to be copied once more.
        let mut frame = vec![0; HEAD_BYTES];
        serde_json::to_writer(&mut frame, message)?;
        let length = frame.len() - HEAD_BYTES;
        let head = u32::try_from(length).ok().filter(|_| length <= self.bytes_max);
        let Some(head) = head else {
            let text = format!("a message of {length} bytes is longer than {}", self.bytes_max);
            return Err(FrameError::Io(std::io::Error::new(std::io::ErrorKind::InvalidInput, text)));
        };
        frame[..HEAD_BYTES].copy_from_slice(&head.to_be_bytes());
        Ok(self.to.write_all(&frame).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_and_what_is_too_long_is_not_written() {
        let (here, there) = tokio::io::duplex(64);
        let mut reader = Reader::new(there, 1_000);
        let mut writer = Writer::new(here, 1_000);
        let texts = ["".to_owned(), "\u{1f4c8} up".to_owned(), "x".repeat(998)];
        let sent = texts.clone();
        let writing = tokio::spawn(async move {
            for text in sent {
                writer.send(&text).await.unwrap();
            }
            let error = writer.send(&"x".repeat(999)).await.unwrap_err().to_string();
            assert!(error.contains("1001 bytes is longer than 1000"), "{error}");
        });
        for text in texts {
            assert_eq!(reader.next::<String>().await.unwrap(), text);
        }
        writing.await.unwrap();
        assert!(matches!(reader.next::<String>().await, Err(FrameError::Closed)));
    }
}
