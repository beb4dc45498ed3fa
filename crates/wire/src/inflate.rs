//! Streams of deflate that go on from message to message, as WebSocket and SPDY use them.
//! Whole gzip bodies are [`crate::body`]'s.
//!
//! Limits: each message may inflate to the caller's bound; the window is deflate's 32 KiB.
//! Failure: after bytes are missing, or a message went over the bound, the window is not what its sender had, and
//! nothing more can be read.
//!
//! Hostile input: output is produced in pieces, and checked before each.

use flate2::{Decompress, FlushDecompress, Status};

/// What the state of one stream holds: the window and the tables of its codes.
pub(crate) const INFLATER_BYTES: usize = 48 * 1024;
const PIECE_BYTES: usize = 16 * 1024;

/// The stream is broken, or over the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Malformed,
    OverBound,
}

/// One stream.
pub(crate) struct Inflater(Decompress);

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflater(…)")
    }
}

impl Inflater {
    /// A stream of raw deflate.
    pub(crate) fn new() -> Self {
        Self(Decompress::new(false))
    }

    /// A stream that begins with a window of its own. It is given as a stored block, because that is the same to
    /// every implementation of inflate.
    pub(crate) fn with_dictionary(dictionary: &[u8]) -> Option<Self> {
        let length = u16::try_from(dictionary.len()).ok()?;
        let mut block = vec![0];
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(&(!length).to_le_bytes());
        block.extend_from_slice(dictionary);
        let mut inflater = Self::new();
        let read = inflater.push(&block, dictionary.len()).ok()?;
        (read == dictionary).then_some(inflater)
    }

    /// What these bytes say.
    pub(crate) fn push(&mut self, mut bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Broken> {
        let mut output = Vec::new();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
            let status = self
                .0
                .decompress(bytes, &mut piece, FlushDecompress::Sync)
                .map_err(|_| Broken::Malformed)?;
            let taken = usize::try_from(self.0.total_in() - before_in).unwrap_or(usize::MAX);
            let made = usize::try_from(self.0.total_out() - before_out).unwrap_or(usize::MAX);
            output.extend_from_slice(piece.get(..made).unwrap_or_default());
            bytes = bytes.get(taken..).unwrap_or_default();
            if output.len() > bytes_max {
                return Err(Broken::OverBound);
            }
            match status {
                Status::StreamEnd if bytes.is_empty() => return Ok(output),
                // A message may end its stream and begin another; nobody does.
                Status::StreamEnd => return Err(Broken::Malformed),
                Status::Ok | Status::BufError => {}
            }
            if (taken == 0 && made == 0) || (bytes.is_empty() && made < PIECE_BYTES) {
                return match bytes.is_empty() {
                    true => Ok(output),
                    false => Err(Broken::Malformed),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    /// Messages as one stream of raw deflate, each ended by a flush.
    fn deflated(messages: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut compress = Compress::new(Compression::best(), false);
        let deflate = |message: &&[u8]| {
            let mut output = Vec::with_capacity(message.len() + 1_000);
            compress.compress_vec(message, &mut output, FlushCompress::Sync).unwrap();
            output
        };
        messages.iter().map(deflate).collect()
    }

    #[test]
    fn a_stream_goes_on_from_message_to_message() {
        let long = b"abc".repeat(40_000);
        let messages: [&[u8]; 4] = [b"hello hello", b"hello hello", &long, b""];
        let mut inflater = Inflater::new();
        for (carried, message) in deflated(&messages).iter().zip(messages) {
            assert_eq!(inflater.push(carried, 1_000_000).as_deref(), Ok(message));
        }
    }

    #[test]
    fn a_bomb_and_a_broken_stream_end_it() {
        let bomb = deflated(&[&[b' '; 900_000]]).remove(0);
        assert!(bomb.len() < 10_000);
        assert_eq!(Inflater::new().push(&bomb, 100_000), Err(Broken::OverBound));
        assert_eq!(Inflater::new().push(b"\xff\xff\xff", 100), Err(Broken::Malformed));
        assert!(Inflater::with_dictionary(&[0; 70_000]).is_none());
    }
}
