//! Tar archives as they come: members with their headers, and each member's content while it passes.
//! What a member means for an image is `tree`'s; nothing is ever written to a disk.
//!
//! Formats: v7 and ustar, GNU (long names, numbers in base 256) and pax (`path`, `linkpath`, `size`, `uid`, `gid`). Sparse
//! files, which leave out their zeros, are passed over and marked: what is stored of them is not their content.
//!
//! Hostile input: names are text that leads nowhere by itself; extended headers are bounded; a header whose
//! checksum is wrong ends the archive with a fault; an archive that ends within a member is a fault and not an end.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// An extended header holds a path and a few numbers; attributes of files may add some kilobytes.
const EXTENDED_BYTES_MAX: u64 = 1024 * 1024;
/// Blocks that say where a sparse file's parts lie: each has 21 of them, so that these are some ten thousand.
const SPARSE_BLOCKS_MAX: usize = 2048;
/// Extended headers before one member: pax and both long names of GNU, with room for what nobody writes.
const EXTENDED_MAX: usize = 8;

/// Why an archive cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum TarFault {
    /// A header's checksum does not fit it.
    #[error("the header at byte {0} has a wrong checksum")]
    Checksum(u64),
    /// A number is none.
    #[error("the header at byte {0} holds no number where one must be")]
    Number(u64),
    /// Extended headers are larger, or more, than any archive needs.
    #[error("the extended header at byte {0} is larger than a reader takes")]
    Extended(u64),
    /// The archive ends within a member.
    #[error("the archive ends within a member")]
    Truncated,
    /// It could not be read, or not be decompressed.
    #[error("the archive cannot be read")]
    Read(#[source] io::Error),
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A file.
    File,
    /// Another name of a member before it.
    HardLink,
    /// A symbolic link.
    SymbolicLink,
    /// A device.
    Device,
    /// A folder.
    Folder,
    /// Anything else: a pipe, or what no format names.
    Other,
}

/// A member's header.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name as it is written; what is no UTF-8 is replaced.
    pub path: String,
    /// What it is.
    pub kind: MemberKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub owner: u64,
    /// Group.
    pub group: u64,
    /// Bytes of its content.
    pub size: u64,
    /// Where a link leads.
    pub link: String,
    /// It is sparse: its stored bytes are not its content, and `size` is theirs.
    pub is_sparse: bool,
    /// First byte of its content, from the start of the archive.
    pub offset: u64,
}

/// An archive that is being read. Reading it gives the content of the member that `next` told last.
#[derive(Debug)]
pub struct Archive<R> {
    input: R,
    position: u64,
    left: u64,
    padding: u64,
}

/// What extended headers say of the member behind them.
#[derive(Debug, Default)]
struct Extended {
    /// GNU's long names; whoever unpacks believes them before those of pax.
    long_path: Option<String>,
    long_link: Option<String>,
    pax: Pax,
}

/// The last extended header of pax: an earlier one before the same member does not count.
#[derive(Debug, Default)]
struct Pax {
    path: Option<String>,
    link: Option<String>,
    sparse: Sparse,
    size: Option<u64>,
    owner: Option<u64>,
    group: Option<u64>,
}

/// What records `GNU.sparse.*` say.
#[derive(Debug, Default)]
struct Sparse {
    is_there: bool,
    /// It has a version that is known, or a map: only then does the name count.
    is_told: bool,
    name: Option<String>,
}

impl<R: Read> Archive<R> {
    /// Reads this.
    pub fn new(input: R) -> Self {
        Self { input, position: 0, left: 0, padding: 0 }
    }

    /// The next member; none at the end. The rest of the last one is passed over.
    pub fn member(&mut self) -> Result<Option<Member>, TarFault> {
        let mut extended = Extended::default();
        for _ in 0..=EXTENDED_MAX {
            self.pass_over()?;
            let start = self.position;
            let Some(block) = self.block()? else { return Ok(None) };
            if block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            check(&block, start)?;
            let field = |from: usize, to: usize| &block[from..to];
            let read = |from, to| number(field(from, to)).ok_or(TarFault::Number(start));
            let size = read(124, 136)?;
            self.set_content(size);
            match block[156] {
                b'x' => {
                    let body = self.body(start)?;
                    extended.pax = Pax::of(&body);
                }
                b'L' => extended.long_path = filled(&self.body(start)?),
                b'K' => extended.long_link = filled(&self.body(start)?),
                b'g' => {}
                flag => {
                    if flag == b'S' {
                        self.sparse_blocks(&block, start)?;
                    }
                    let Extended { long_path, long_link, pax } = extended;
                    let size = pax.size.unwrap_or(size);
                    let sparse_name = pax.sparse.name.filter(|_| pax.sparse.is_told);
                    let path = long_path.or(sparse_name).or(pax.path);
                    let path = path.unwrap_or_else(|| name(&block));
                    let kind = match flag {
                        // Before ustar a folder was told from a file by its name alone.
                        0 if path.ends_with('/') => MemberKind::Folder,
                        b'0' | 0 | b'7' | b'S' => MemberKind::File,
                        b'1' => MemberKind::HardLink,
                        b'2' => MemberKind::SymbolicLink,
                        b'3' | b'4' => MemberKind::Device,
                        b'5' => MemberKind::Folder,
                        _ => MemberKind::Other,
                    };
                    // Links and folders have no content, whatever their size says.
                    let has_content = matches!(kind, MemberKind::File | MemberKind::Other);
                    self.set_content(if has_content { size } else { 0 });
                    let mode = u32::try_from(read(100, 108)? & 0o7777).unwrap_or_default();
                    return Ok(Some(Member {
                        path,
                        kind,
                        mode,
                        owner: pax.owner.map_or_else(|| read(108, 116), Ok)?,
                        group: pax.group.map_or_else(|| read(116, 124), Ok)?,
                        size: self.left,
                        link: long_link.or(pax.link).unwrap_or_else(|| text(field(157, 257))),
                        is_sparse: flag == b'S' || pax.sparse.is_there,
                        offset: self.position,
                    }));
                }
            }
        }
        Err(TarFault::Extended(self.position))
    }

    /// Bytes that passed so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn set_content(&mut self, size: u64) {
        self.left = size;
        let block = BLOCK as u64;
        self.padding = (block - size % block) % block;
    }

    fn pass_over(&mut self) -> Result<(), TarFault> {
        let wanted = self.left.saturating_add(self.padding);
        let passed = io::copy(&mut self.input.by_ref().take(wanted), &mut io::sink());
        let passed = passed.map_err(TarFault::Read)?;
        self.position += passed;
        // Some writers leave out the padding of the last member.
        if passed < self.left {
            return Err(TarFault::Truncated);
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, TarFault> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(TarFault::Truncated),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TarFault::Read(error)),
            }
        }
        self.position += BLOCK as u64;
        Ok(Some(block))
    }

    /// Passes over the blocks that follow the header of a sparse file and are no part of its size.
    fn sparse_blocks(&mut self, header: &[u8; BLOCK], start: u64) -> Result<(), TarFault> {
        let mut goes_on = header[482] != 0;
        for _ in 0..SPARSE_BLOCKS_MAX {
            if !goes_on {
                return Ok(());
            }
            goes_on = self.block()?.ok_or(TarFault::Truncated)?[504] != 0;
        }
        Err(TarFault::Extended(start))
    }

    /// The whole body of an extended header.
    fn body(&mut self, start: u64) -> Result<Vec<u8>, TarFault> {
        if self.left > EXTENDED_BYTES_MAX {
            return Err(TarFault::Extended(start));
        }
        let wanted = self.left;
        let mut body = Vec::new();
        self.read_to_end(&mut body).map_err(TarFault::Read)?;
        if (body.len() as u64) < wanted { Err(TarFault::Truncated) } else { Ok(body) }
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.by_ref().take(self.left).read(buffer)?;
        self.left -= count as u64;
        self.position += count as u64;
        Ok(count)
    }
}

impl Pax {
    /// Records of pax: `LENGTH KEY=VALUE\n`, the length counting all of it. One without a value takes back what was
    /// said before it, so that the header itself counts (POSIX, pax).
    fn of(mut body: &[u8]) -> Self {
        let mut pax = Self::default();
        while let Some(space) = body.iter().position(|byte| *byte == b' ') {
            let length =
                std::str::from_utf8(&body[..space]).ok().and_then(|text| text.parse().ok());
            let Some(record) = length.and_then(|length: usize| body.get(space + 1..length)) else {
                return pax;
            };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if let Some(equals) = record.iter().position(|byte| *byte == b'=') {
                let value = &record[equals + 1..];
                let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                match &record[..equals] {
                    b"path" => pax.path = filled(value),
                    b"linkpath" => pax.link = filled(value),
                    b"size" => pax.size = number(),
                    b"uid" => pax.owner = number(),
                    b"gid" => pax.group = number(),
                    key => pax.sparse.take(key, value),
                }
            }
            body = &body[space + 1 + record.len()..];
            body = body.strip_prefix(b"\n").unwrap_or(body);
        }
        pax
    }
}

impl Sparse {
    fn take(&mut self, key: &[u8], value: &[u8]) {
        let Some(key) = key.strip_prefix(b"GNU.sparse.") else { return };
        self.is_there = true;
        match key {
            b"name" => self.name = filled(value),
            b"major" | b"minor" | b"map" => self.is_told |= !value.is_empty(),
            _ => {}
        }
    }
}

/// The sum of all bytes, the checksum itself counted as spaces; some old writers added signed bytes.
fn check(block: &[u8; BLOCK], start: u64) -> Result<(), TarFault> {
    let wanted = number(&block[148..156]).ok_or(TarFault::Checksum(start))?;
    let counted = |at: usize, byte: u8| if (148..156).contains(&at) { b' ' } else { byte };
    let bytes = || block.iter().enumerate().map(|(at, byte)| counted(at, *byte));
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    let fits = unsigned == wanted || u64::try_from(signed) == Ok(wanted);
    if fits { Ok(()) } else { Err(TarFault::Checksum(start)) }
}

/// A number in octal, or in base 256 if its first bit is set. Nothing is zero.
fn number(field: &[u8]) -> Option<u64> {
    let first = *field.first()?;
    if first & 0x80 != 0 {
        // A negative number has no meaning for a size or an owner.
        if first & 0x40 != 0 {
            return None;
        }
        let head = u64::from(first & 0x3f);
        return field[1..]
            .iter()
            .try_fold(head, |number, byte| Some(number.checked_mul(256)? | u64::from(*byte)));
    }
    let digits = std::str::from_utf8(field).ok()?;
    let digits = digits.trim_matches(|letter| matches!(letter, ' ' | '\0'));
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

/// Text up to its first zero.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// Text, unless there is none.
fn filled(field: &[u8]) -> Option<String> {
    Some(text(field)).filter(|text| !text.is_empty())
}

/// The name of a header, with the prefix that ustar puts before it.
fn name(block: &[u8; BLOCK]) -> String {
    let name = text(&block[..100]);
    let prefix = text(&block[345..500]);
    // GNU keeps other things there, and says so by two spaces behind its magic word.
    if prefix.is_empty() || &block[257..263] != b"ustar\0" {
        name
    } else {
        format!("{prefix}/{name}")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Archive, MemberKind, TarFault};
    use std::io::Read;

    /// A member as ustar writes it.
    pub(crate) fn member(path: &str, flag: u8, mode: u32, link: &str, content: &[u8]) -> Vec<u8> {
        let mut block = vec![0; 512];
        block[..path.len()].copy_from_slice(path.as_bytes());
        block[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
        block[108..116].copy_from_slice(b"0000000\0");
        block[116..124].copy_from_slice(b"0000000\0");
        block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        block[148..156].copy_from_slice(b"        ");
        block[156] = flag;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        block[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block.extend_from_slice(content);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    }

    #[test]
    fn members_and_their_content_are_told_in_order() {
        let mut bytes = member("a/", b'5', 0o755, "", b"");
        bytes.extend(member("a/b", b'0', 0o4755, "", b"content"));
        bytes.extend(member("a/c", b'2', 0o777, "b", b""));
        bytes.extend([0; 1024]);
        let mut archive = Archive::new(bytes.as_slice());
        assert_eq!(archive.member().unwrap().unwrap().kind, MemberKind::Folder);
        let file = archive.member().unwrap().unwrap();
        assert_eq!((file.path.as_str(), file.mode, file.size), ("a/b", 0o4755, 7));
        let mut content = String::new();
        archive.read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
        let link = archive.member().unwrap().unwrap();
        assert_eq!((link.kind, link.link.as_str()), (MemberKind::SymbolicLink, "b"));
        assert!(archive.member().unwrap().is_none());
    }

    /// A record of pax.
    pub(crate) fn pax(key: &str, value: &str) -> String {
        let body = format!(" {key}={value}\n");
        let length = (1..).find(|digits| (body.len() + digits).to_string().len() == *digits);
        format!("{}{body}", body.len() + length.unwrap())
    }

    #[test]
    fn an_old_folder_is_told_by_its_name() {
        let mut bytes = member("a/", 0, 0o755, "", b"");
        bytes.extend(member("a/b", 0, 0o644, "", b"1"));
        let mut archive = Archive::new(bytes.as_slice());
        assert_eq!(archive.member().unwrap().unwrap().kind, MemberKind::Folder);
        assert_eq!(archive.member().unwrap().unwrap().kind, MemberKind::File);
        assert!(archive.member().unwrap().is_none());
    }

    #[test]
    fn an_empty_record_is_no_name_and_gnu_is_believed_before_pax() {
        let first = |head: Vec<u8>| {
            let bytes = [head, member("own", b'2', 0o777, "to", b"")].concat();
            let found = Archive::new(bytes.as_slice()).member().unwrap().unwrap();
            (found.path, found.link)
        };
        let header = |records: &[(&str, &str)]| {
            let body: String = records.iter().map(|(key, value)| pax(key, value)).collect();
            member("x", b'x', 0o644, "", body.as_bytes())
        };
        let told = |path: &str, link: &str| (path.to_owned(), link.to_owned());
        assert_eq!(first(header(&[("path", ""), ("linkpath", "")])), told("own", "to"));
        assert_eq!(first(header(&[("path", "a"), ("path", "")])), told("own", "to"));
        let twice = [header(&[("path", "a")]), header(&[("linkpath", "b")])].concat();
        assert_eq!(first(twice), told("own", "b"));
        let both = [member("l", b'L', 0o644, "", b"gnu\0"), header(&[("path", "a")])].concat();
        assert_eq!(first(both), told("gnu", "to"));
        assert_eq!(first(member("l", b'L', 0o644, "", b"\0")), told("own", "to"));
    }

    /// The header with a byte of its map set, and its checksum made anew.
    fn sparse(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes[482] = 1;
        bytes[148..156].copy_from_slice(b"        ");
        let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    }

    #[test]
    fn sparse_files_are_marked_and_what_follows_is_read() {
        let old = sparse(member("old", b'S', 0o644, "", b"part"));
        let mut bytes = old[..512].to_vec();
        let (mut more, end) = (vec![0; 512], vec![0; 512]);
        more[504] = 1;
        bytes.extend([more.clone(), end, old[512..].to_vec()].concat());
        let records = pax("GNU.sparse.major", "1") + &pax("GNU.sparse.name", "real");
        bytes.extend(member("x", b'x', 0o644, "", records.as_bytes()));
        bytes.extend(member("GNUSparseFile.0/real", b'0', 0o644, "", b"part"));
        // A name without a version is nobody's: who unpacks takes the file's own.
        let records = pax("GNU.sparse.name", "other");
        bytes.extend(member("x", b'x', 0o644, "", records.as_bytes()));
        bytes.extend(member("own", b'0', 0o644, "", b"1"));
        bytes.extend(member("plain", b'0', 0o644, "", b"1"));
        let mut archive = Archive::new(bytes.as_slice());
        let found = std::iter::from_fn(|| archive.member().unwrap());
        let found: Vec<_> = found.map(|member| (member.path, member.is_sparse)).collect();
        let told = ["old", "real", "own", "plain"].map(str::to_owned);
        assert_eq!(found, told.into_iter().zip([true, true, true, false]).collect::<Vec<_>>());
        let endless = [old[..512].to_vec(), more.repeat(3000)].concat();
        let fault = Archive::new(endless.as_slice()).member();
        assert!(matches!(fault, Err(TarFault::Extended(0))));
    }

    #[test]
    fn long_names_of_gnu_and_pax_are_whole() {
        let long = format!("{}/file", "folder".repeat(40));
        for head in [
            member("././@LongLink", b'L', 0o644, "", format!("{long}\0").as_bytes()),
            member("x", b'x', 0o644, "", (pax("mtime", "1.5") + &pax("path", &long)).as_bytes()),
        ] {
            let mut bytes = head;
            bytes.extend(member("short", b'0', 0o644, "", b"1"));
            let mut archive = Archive::new(bytes.as_slice());
            assert_eq!(archive.member().unwrap().unwrap().path, long);
            assert!(archive.member().unwrap().is_none());
        }
    }

    #[test]
    fn what_is_damaged_is_a_fault_and_no_end() {
        let whole = member("a", b'0', 0o644, "", &[7; 600]);
        let fault = |bytes: &[u8]| {
            let mut archive = Archive::new(bytes);
            loop {
                match archive.member() {
                    Ok(Some(_)) => {}
                    Ok(None) => return None,
                    Err(fault) => return Some(fault),
                }
            }
        };
        assert!(fault(&whole).is_none());
        assert!(matches!(fault(&whole[..700]), Some(TarFault::Truncated)));
        assert!(matches!(fault(&whole[..100]), Some(TarFault::Truncated)));
        let mut wrong = whole.clone();
        wrong[0] = b'b';
        assert!(matches!(fault(&wrong), Some(TarFault::Checksum(0))));
        let bomb = member("x", b'L', 0o644, "", &vec![b'a'; 2 * 1024 * 1024]);
        assert!(matches!(fault(&bomb), Some(TarFault::Extended(0))));
        let endless = member("x", b'L', 0o644, "", b"a").repeat(20);
        assert!(matches!(fault(&endless), Some(TarFault::Extended(_))));
    }
}
