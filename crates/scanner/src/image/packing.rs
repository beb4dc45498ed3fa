//! Unpacking a layer while it passes: gzip, zstd, or nothing to unpack, whatever its media type says.
//! What is in it is `inventory`'s; how much it may unfold to, `inventory`'s and `layout`'s as well.
//!
//! zstd: frames one after another, as an archive in chunks has them, and frames to be skipped between them (RFC 8878,
//! section 3). Its checksums are not looked at: the digests of the image say more.
//!
//! Hostile input: a frame says how much memory it needs to be unpacked, and one that wants more than
//! [`WINDOW_BYTES_MAX`] is refused before any of it is taken; output is made block by block, for whoever reads.

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, Read};

/// Memory for one frame: `zstd` itself takes as much unless it is told otherwise, and writes no frame that needs more
/// but by `--long` and `--ultra`.
const WINDOW_BYTES_MAX: u64 = 128 * 1024 * 1024;
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What is in a layer.
pub(crate) fn unpacked<'a>(mut packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut head = Vec::new();
    packed.by_ref().take(4).read_to_end(&mut head)?;
    let is_skipped = matches!(head.as_slice(), [0x50..=0x5f, 0x2a, 0x4d, 0x18]);
    let (is_zstd, is_gzip) = (head == ZSTD || is_skipped, head.starts_with(&GZIP));
    let whole = io::Cursor::new(head).chain(packed);
    Ok(if is_zstd {
        Box::new(Frames::new(whole))
    } else if is_gzip {
        Box::new(flate2::read::MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    })
}

/// Frames of zstd, read as one.
struct Frames<R: Read> {
    source: R,
    decoder: FrameDecoder,
    /// A frame was begun.
    is_within: bool,
    is_ended: bool,
}

impl<R: Read> Frames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        Self { source, decoder, is_within: false, is_ended: false }
    }

    /// Begins the next frame; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            let mut first = [0];
            if self.source.read(&mut first)? == 0 {
                return Ok(false);
            }
            match self.decoder.init(first.as_slice().chain(&mut self.source)) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let wanted = u64::from(length);
                    let skipped =
                        io::copy(&mut self.source.by_ref().take(wanted), &mut io::sink())?;
                    if skipped < wanted {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() && !self.is_ended {
            if !self.is_within {
                self.is_within = self.begin()?;
                self.is_ended = !self.is_within;
                continue;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.is_within = false;
                continue;
            }
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn whole(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        unpacked(packed)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    /// `printf 'hello from zstd\n' | zstd -19 --no-check`.
    const BY_ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x00\x68\x81\x00\x00hello from zstd\n";

    #[test]
    fn frames_are_read_one_after_another_and_skipped_ones_are_skipped() {
        assert_eq!(whole(BY_ZSTD).unwrap(), b"hello from zstd\n");
        let plain: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let packed = compress_to_vec(plain.as_slice(), CompressionLevel::Fastest);
        assert!(packed.len() < plain.len());
        assert_eq!(whole(&packed).unwrap(), plain);
        let skipped = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00abc";
        let all = [skipped, BY_ZSTD, skipped, &packed, skipped].concat();
        assert_eq!(whole(&all).unwrap(), [b"hello from zstd\n", plain.as_slice()].concat());
        assert_eq!(whole(b"plain").unwrap(), b"plain");
        assert_eq!(whole(b"").unwrap(), b"");
    }

    #[test]
    fn what_is_damaged_or_wants_too_much_is_refused() {
        for cut in 5..BY_ZSTD.len() {
            assert!(whole(&BY_ZSTD[..cut]).is_err(), "{cut}");
        }
        assert!(whole(&[BY_ZSTD, b"more"].concat()).is_err());
        assert!(whole(b"\x5a\x2a\x4d\x18\xff\xff\xff\xffabc").is_err());
        // The window's descriptor: exponent 18 is 256 MiB, 17 the 128 MiB that are taken.
        let asks = |exponent: u8| [&ZSTD[..], &[0, exponent << 3, 1, 0, 0]].concat();
        assert!(whole(&asks(17)).is_ok());
        assert!(whole(&asks(18)).unwrap_err().to_string().contains("window"));
        assert!(whole(&asks(31)).is_err());
    }

    #[test]
    fn a_bomb_is_unpacked_only_as_far_as_it_is_read() {
        // A block that says one byte, 128 KiB of times, and a frame that has a thousand of them.
        let header: u32 = ((128 * 1024) << 3) | (1 << 1);
        let block = [&header.to_le_bytes()[..3], &[0]].concat();
        let bomb = [&ZSTD[..], &[0, 7 << 3], &block.repeat(100_000)].concat();
        let mut some = vec![1; 1 << 20];
        unpacked(bomb.as_slice()).unwrap().read_exact(&mut some).unwrap();
        assert!(some.iter().all(|byte| *byte == 0));
    }
}
