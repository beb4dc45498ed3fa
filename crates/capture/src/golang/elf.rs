//! The little of ELF that is needed: sections by name, segments by address, and words that a loader would fill in.
//! What the sections hold it does not know.
//!
//! Specification: System V ABI, chapter 4 and 5; its supplement for x86-64.
//!
//! Hostile input: at most 65,535 headers of each kind and [`NAMES_BYTES_MAX`] of names, as far as the file reaches.

use super::{Image, ProgramFault};

/// Names of sections; a large Go program has 500 bytes of them.
const NAMES_BYTES_MAX: u64 = 1024 * 1024;
/// Relocations that are looked through for one word: a large position-independent program has a million.
const RELOCATION_BYTES_MAX: u64 = 256 * 1024 * 1024;

const MACHINE_X86_64: u16 = 62;
const RELOCATIONS_WITH_ADDENDS: u32 = 4;
const R_X86_64_RELATIVE: u64 = 8;
const SEGMENT_LOADED: u32 = 1;
const SEGMENT_EXECUTABLE: u32 = 1;
const SECTION_WITHOUT_BYTES: u32 = 8;

/// A section's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    kind: u32,
    name: u32,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    executable: bool,
    offset: u64,
    address: u64,
    bytes: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Elf {
    segments: Vec<Segment>,
    sections: Vec<Section>,
    names: Vec<u8>,
}

/// Reads so many bytes that must lie within the file and within a bound.
pub(super) fn read<I: Image + ?Sized>(
    image: &I,
    place: u64,
    bytes: u64,
    bytes_max: u64,
) -> Result<Vec<u8>, ProgramFault> {
    let within = place.checked_add(bytes).is_some_and(|end| end <= image.length());
    if !within || bytes > bytes_max {
        return Err(ProgramFault::Damaged("a table reaches beyond the file or its bound"));
    }
    let bytes = usize::try_from(bytes).map_err(|_| ProgramFault::Damaged("a table is too long"))?;
    let mut read = vec![0; bytes];
    image.read_at(place, &mut read)?;
    Ok(read)
}

pub(super) fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(place..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(place..)?.first_chunk()?))
}

pub(super) fn u64_at(bytes: &[u8], place: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(place..)?.first_chunk()?))
}

impl Elf {
    pub(super) fn read<I: Image + ?Sized>(image: &I) -> Result<Self, ProgramFault> {
        const HEADER_BYTES: u64 = 64;
        let header =
            read(image, 0, HEADER_BYTES, HEADER_BYTES).map_err(|_| ProgramFault::NotElf)?;
        // ELF, 64 bits, little-endian.
        if !header.starts_with(&[0x7f, b'E', b'L', b'F', 2, 1]) {
            return Err(ProgramFault::NotElf);
        }
        let half = |place| u16_at(&header, place).unwrap_or(0);
        let double = |place| u64_at(&header, place).unwrap_or(0);
        if half(18) != MACHINE_X86_64 {
            return Err(ProgramFault::OtherMachine(half(18)));
        }
        if (half(54), half(58)) != (56, 64) {
            return Err(ProgramFault::NotGo);
        }
        let table = |place: u64, entry: u16, count: u16| {
            let bytes = u64::from(entry) * u64::from(count);
            read(image, place, bytes, bytes)
        };
        let segments = table(double(32), 56, half(56))?;
        let sections = table(double(40), 64, half(60))?;
        let segments = segments.chunks_exact(56).filter_map(Segment::read).collect();
        let sections: Vec<_> = sections.chunks_exact(64).filter_map(Section::read).collect();
        let names = match sections.get(usize::from(half(62))) {
            Some(names) => read(image, names.offset, names.bytes, NAMES_BYTES_MAX)?,
            None => return Err(ProgramFault::NotGo),
        };
        Ok(Self { segments, sections, names })
    }

    pub(super) fn section(&self, name: &str) -> Option<Section> {
        self.sections.iter().copied().find(|section| {
            let start = usize::try_from(section.name).ok();
            let found = start.and_then(|start| self.names.get(start..));
            let ours = found.and_then(|found| found.split(|byte| *byte == 0).next());
            ours == Some(name.as_bytes()) && section.kind != SECTION_WITHOUT_BYTES
        })
    }

    /// Where in the file an address lies that so many bytes follow.
    pub(super) fn offset(&self, address: u64, bytes: u64, executable: bool) -> Option<u64> {
        self.segments.iter().filter(|it| it.executable || !executable).find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            let fits = within.checked_add(bytes)? <= segment.bytes;
            segment.offset.checked_add(within).filter(|_| fits)
        })
    }

    /// The double word at an address, as it is once the program is loaded at its own addresses. In a
    /// position-independent program an address is zero in the file, and a relocation has it.
    pub(super) fn address_at<I: Image + ?Sized>(
        &self,
        image: &I,
        address: u64,
    ) -> Result<Option<u64>, ProgramFault> {
        let Some(offset) = self.offset(address, 8, false) else { return Ok(None) };
        let mut word = [0; 8];
        image.read_at(offset, &mut word)?;
        if let found @ 1.. = u64::from_le_bytes(word) {
            return Ok(Some(found));
        }
        // In all: a file may have thousands of sections over the same bytes.
        let mut left = RELOCATION_BYTES_MAX;
        for section in self.sections.iter().filter(|it| it.kind == RELOCATIONS_WITH_ADDENDS) {
            let entries = read(image, section.offset, section.bytes, left)?;
            left -= section.bytes;
            let found = entries.chunks_exact(24).find(|entry| {
                u64_at(entry, 0) == Some(address)
                    && u64_at(entry, 8).map(|info| info & 0xffff_ffff) == Some(R_X86_64_RELATIVE)
            });
            if let Some(addend) = found.and_then(|entry| u64_at(entry, 16)) {
                return Ok(Some(addend));
            }
        }
        Ok(None)
    }
}

impl Segment {
    fn read(header: &[u8]) -> Option<Self> {
        let loaded = u32_at(header, 0)? == SEGMENT_LOADED;
        loaded.then_some(Self {
            executable: u32_at(header, 4)? & SEGMENT_EXECUTABLE != 0,
            offset: u64_at(header, 8)?,
            address: u64_at(header, 16)?,
            bytes: u64_at(header, 32)?,
        })
    }
}

impl Section {
    fn read(header: &[u8]) -> Option<Self> {
        Some(Self {
            name: u32_at(header, 0)?,
            kind: u32_at(header, 4)?,
            address: u64_at(header, 16)?,
            offset: u64_at(header, 24)?,
            bytes: u64_at(header, 32)?,
        })
    }
}
