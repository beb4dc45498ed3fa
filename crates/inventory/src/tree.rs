//! The file tree of an image: its layers laid over each other, with what each file is and what tells of packages.
//! How a layer was compressed and where it came from is the caller's; what the kept contents say is `packages`'.
//!
//! Whiteouts (OCI image specification, layer.md): `.wh.NAME` takes away what lower layers have under that name,
//! `.wh..wh..opq` all that they have in its folder; neither touches what its own layer brings.
//!
//! Hostile input: the tree is in memory alone, so that a name can lead nowhere else; a name with `..` is refused and
//! told; links of folders are followed within the tree, a bounded number of times and over a bounded number of parts;
//! members, names, kept bytes and bytes that pass are bounded, and who meets a bound is told so.

use crate::packages::{Gap, examine};
use crate::tar::{Archive, Member, MemberKind, TarFault};
use crate::{elf, package::Package};
use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::sync::Arc;

/// Members of all layers: the largest images of distributions have some hundred thousand.
pub const MEMBERS_MAX: usize = 2_000_000;
/// Bytes that all layers together may unfold to: a bomb is told from an image by it, and images of machine
/// learning, the largest there are, stay below.
pub const UNFOLDED_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Bytes of one file that is read whole: a database of packages, a program or an archive.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes that are kept of all files: databases of packages are some megabytes.
pub const KEPT_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes of all names, of links and of where they lead: two million names have some two hundred megabytes.
pub const NAMES_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Why the content of a sparse file is not known.
pub const SPARSE: &str =
    "the file is stored without its zeros (sparse), and its content was not read";
/// Bytes of a file that may be somebody's key: a key has a few kilobytes.
const KEY_BYTES_MAX: u64 = 64 * 1024;
/// Links that lead to links; as many as Linux follows.
const LINKS_MAX: usize = 40;
/// Parts of a path and of all links in it together: the deepest folders of modules have some fifty. Each part is looked
/// up by the whole path before it, for each of millions of members.
const PARTS_MAX: usize = 256;
/// Bytes of a name, and of what a link holds; as many as Linux takes.
const PATH_BYTES_MAX: usize = 4096;

/// Why an image cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum LayerFault {
    /// Its archive is damaged.
    #[error(transparent)]
    Tar(#[from] TarFault),
    /// There are too many members.
    #[error("the layers hold more than {MEMBERS_MAX} members")]
    Members,
    /// There are too many bytes.
    #[error("the layers unfold to more than {} GiB", UNFOLDED_BYTES_MAX / (1024 * 1024 * 1024))]
    Unfolded,
    /// There are too many names, or too long ones.
    #[error("the names in the layers have more than {} MiB", NAMES_BYTES_MAX / (1024 * 1024))]
    Names,
}

/// A file, folder, link or device.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub kind: MemberKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub owner: u64,
    /// Bytes.
    pub size: u64,
    /// Where a symbolic link leads.
    pub link: Arc<str>,
    /// The layer that it came with, from 0.
    pub layer: usize,
    /// Its content, if it is a database of packages or another file that `packages` reads.
    pub content: Option<Arc<[u8]>>,
    /// Packages that the file itself tells it was made of.
    pub packages: Arc<[Package]>,
    /// It holds a private key.
    pub private_key: bool,
    /// Why something that it may tell is not known.
    pub gap: Option<&'static str>,
}

/// A tree.
#[derive(Debug, Default)]
pub struct Tree {
    entries: BTreeMap<String, Entry>,
    layers: usize,
    members: usize,
    unfolded: u64,
    names: u64,
    kept: u64,
    /// Folders that whiteouts of the layer at hand have cleared: clearing one again takes away nothing more, and a
    /// layer that does it a million times is not to cost a million walks.
    cleared: HashSet<String>,
    gaps: Vec<Gap>,
}

impl Tree {
    /// Lays the next layer over those before it.
    pub fn lay(&mut self, layer: impl Read) -> Result<(), LayerFault> {
        let number = self.layers;
        self.layers += 1;
        self.cleared.clear();
        let mut archive = Archive::new(layer);
        while let Some(member) = archive.member()? {
            self.members += 1;
            if self.members > MEMBERS_MAX {
                return Err(LayerFault::Members);
            }
            // Headers count as well: long names can be a bomb as much as content.
            let unfolded = archive.position().saturating_add(member.size);
            if self.unfolded.saturating_add(unfolded) > UNFOLDED_BYTES_MAX {
                return Err(LayerFault::Unfolded);
            }
            self.take(number, &member, &mut archive)?;
        }
        self.unfolded = self.unfolded.saturating_add(archive.position());
        Ok(())
    }

    /// All entries by their paths, without a slash before them.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// The file at this path, links followed.
    pub fn file(&self, path: &str) -> Option<(&str, &Entry)> {
        let path = self.resolved(path, true)?;
        let (path, entry) = self.entries.get_key_value(&path)?;
        (entry.kind == MemberKind::File).then_some((path.as_str(), entry))
    }

    /// Where this path leads, links followed; none, if they lead in a circle.
    pub fn place(&self, path: &str) -> Option<String> {
        self.resolved(path, true)
    }

    /// Whether something has this name, whatever it is and wherever it leads.
    pub fn has(&self, path: &str) -> bool {
        self.resolved(path, false).is_none_or(|path| self.entries.contains_key(&path))
    }

    /// Whether the folder at this place, which is no link, has anything in it.
    pub fn has_below(&self, folder: &str) -> bool {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let first = self.entries.range(prefix.clone()..).next();
        first.is_some_and(|(path, _)| path.starts_with(&prefix))
    }

    /// Layers that were laid.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// What could not be read.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn take<R: Read>(
        &mut self,
        layer: usize,
        member: &Member,
        archive: &mut Archive<R>,
    ) -> Result<(), LayerFault> {
        let Some(written) = normal(&member.path) else {
            self.gap(&member.path, "the member's name leads out of the image; it was not taken");
            return Ok(());
        };
        let (folder, name) = written.rsplit_once('/').unwrap_or(("", &written));
        // The folder may be a link that a lower layer made, as `lib` is to `usr/lib`.
        let Some(folder) = self.resolved(folder, true) else {
            let reason =
                "the links before the member lead in a circle or too far; it was not taken";
            self.gap(&written, reason);
            return Ok(());
        };
        if name == ".wh..wh..opq" {
            self.named(folder.len())?;
            if self.cleared.insert(folder.clone()) {
                self.remove_below(&folder, layer);
            }
            return Ok(());
        }
        if let Some(name) = name.strip_prefix(".wh.") {
            let path = joined(&folder, name);
            self.named(path.len())?;
            if self.cleared.insert(path.clone()) {
                self.remove_below(&path, layer);
            }
            if self.entries.get(&path).is_some_and(|entry| entry.layer < layer) {
                self.entries.remove(&path);
            }
            return Ok(());
        }
        let path = joined(&folder, name);
        if path.is_empty() {
            return Ok(());
        }
        self.named(path.len())?;
        if member.kind == MemberKind::SymbolicLink {
            if member.link.len() > PATH_BYTES_MAX {
                self.gap(&path, "the link holds more than any link does; it was not taken");
                return Ok(());
            }
            self.named(member.link.len())?;
        }
        if member.kind != MemberKind::Folder && self.is_folder(&path) {
            // What is no folder any more has nothing below it.
            self.remove_below(&path, layer + 1);
        }
        let entry = match member.kind {
            MemberKind::HardLink => {
                let target = normal(&member.link).and_then(|link| self.resolved(&link, false));
                match target.as_ref().and_then(|target| self.entries.get_key_value(target)) {
                    Some((target, entry)) => {
                        let mut entry = Entry { layer, ..entry.clone() };
                        if entry.gap.is_none() && is_hidden(&path, target, &entry) {
                            entry.gap = Some(HIDDEN);
                        }
                        entry
                    }
                    None => {
                        self.gap(&path, "the file is another name of one that is not there");
                        return Ok(());
                    }
                }
            }
            _ => self.entry(&path, layer, member, archive)?,
        };
        if let Some(old) = self.entries.insert(path, entry) {
            // Layer after layer writes the same database anew; only what is still held counts.
            if let Some(content) = old.content.filter(|content| Arc::strong_count(content) == 1) {
                self.kept = self.kept.saturating_sub(content.len() as u64);
            }
            if Arc::strong_count(&old.packages) == 1 {
                self.kept = self.kept.saturating_sub(bytes_of(&old.packages));
            }
        }
        Ok(())
    }

    /// Counts the bytes of a name. What a layer takes away again is not given back: who builds an image of names that
    /// replace each other is as hostile as who builds one of names that stay.
    fn named(&mut self, bytes: usize) -> Result<(), LayerFault> {
        self.names = self.names.saturating_add(bytes as u64);
        if self.names > NAMES_BYTES_MAX { Err(LayerFault::Names) } else { Ok(()) }
    }

    fn entry<R: Read>(
        &mut self,
        path: &str,
        layer: usize,
        member: &Member,
        archive: &mut Archive<R>,
    ) -> Result<Entry, LayerFault> {
        let mut entry = Entry {
            kind: member.kind,
            mode: member.mode,
            owner: member.owner,
            size: member.size,
            // Other members have no use for what stands there.
            link: match member.kind {
                MemberKind::SymbolicLink => member.link.as_str().into(),
                _ => Arc::default(),
            },
            layer,
            content: None,
            packages: Arc::default(),
            private_key: false,
            gap: None,
        };
        if member.kind != MemberKind::File {
            return Ok(entry);
        }
        if member.is_sparse {
            entry.gap = Some(SPARSE);
            return Ok(entry);
        }
        let wanted = examine::wanted(path);
        let mut head = Vec::new();
        let read = |archive: &mut Archive<R>, to: u64, bytes: &mut Vec<u8>| {
            archive.take(to).read_to_end(bytes).map_err(TarFault::Read)
        };
        read(archive, 4, &mut head)?;
        let is_program = head == elf::MAGIC;
        let whole = wanted.is_some() || is_program || member.size <= KEY_BYTES_MAX;
        if !whole {
            return Ok(entry);
        }
        if member.size > FILE_BYTES_MAX {
            entry.gap = Some("the file is larger than a scan reads");
            return Ok(entry);
        }
        read(archive, FILE_BYTES_MAX, &mut head)?;
        if (head.len() as u64) < member.size {
            return Err(TarFault::Truncated.into());
        }
        entry.private_key = member.size <= KEY_BYTES_MAX && holds_private_key(&head);
        match wanted {
            Some(examine::Wanted::Now) => {
                self.examined(&mut entry, examine::now(path, &head));
            }
            Some(examine::Wanted::AtTheEnd) => {
                if self.keep(member.size) {
                    entry.content = Some(head.into());
                } else {
                    entry.gap = Some(MORE_THAN_KEPT);
                }
            }
            None if is_program => self.examined(&mut entry, examine::program(path, &head)),
            None => {}
        }
        Ok(entry)
    }

    fn examined(&mut self, entry: &mut Entry, examined: examine::Examined) {
        self.unfolded = self.unfolded.saturating_add(examined.unfolded);
        (entry.packages, entry.gap) = (examined.packages, examined.gap);
        if !self.keep(bytes_of(&entry.packages)) {
            (entry.packages, entry.gap) = (Arc::default(), Some(MORE_THAN_KEPT));
        }
    }

    /// Whether as many bytes more may be kept.
    fn keep(&mut self, bytes: u64) -> bool {
        let kept = self.kept.saturating_add(bytes);
        let fits = kept <= KEPT_BYTES_MAX;
        if fits {
            self.kept = kept;
        }
        fits
    }

    fn is_folder(&self, path: &str) -> bool {
        self.entries.get(path).is_none_or(|entry| entry.kind == MemberKind::Folder)
    }

    /// Takes away what layers below this one have in the folder.
    fn remove_below(&mut self, folder: &str, layer: usize) {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below = self.entries.range(prefix.clone()..);
        let gone: Vec<String> = below
            .take_while(|(path, _)| path.starts_with(&prefix))
            .filter(|(_, entry)| entry.layer < layer)
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.entries.remove(&path);
        }
    }

    /// The path with every link of a folder in it followed, and the last one too if it is asked for.
    fn resolved<'a>(&'a self, path: &'a str, last: bool) -> Option<String> {
        let mut done = String::new();
        let mut ahead: Vec<&str> = Vec::new();
        let (mut seen, mut links) = (0, 0);
        let mut enter = |path: &'a str, ahead: &mut Vec<&'a str>| {
            ahead.extend(parts(path).rev().take(PARTS_MAX + 1).inspect(|_| seen += 1));
            (seen <= PARTS_MAX).then_some(())
        };
        enter(path, &mut ahead)?;
        while let Some(part) = ahead.pop() {
            match part {
                "." => continue,
                // Above the root is the root.
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                _ if done.is_empty() => done.push_str(part),
                _ => done.extend(["/", part]),
            }
            if ahead.is_empty() && !last {
                break;
            }
            let Some(entry) = self.entries.get(&done) else { continue };
            if entry.kind != MemberKind::SymbolicLink {
                continue;
            }
            links += 1;
            if links > LINKS_MAX {
                return None;
            }
            let folder_ends = if entry.link.starts_with('/') { None } else { done.rfind('/') };
            done.truncate(folder_ends.unwrap_or(0));
            enter(&entry.link, &mut ahead)?;
        }
        Some(done)
    }

    fn gap(&mut self, path: &str, reason: &'static str) {
        /// A hostile layer can have as many as it has members; nobody reads more.
        const GAPS_MAX: usize = 100;
        if self.gaps.len() < GAPS_MAX {
            // A name may be refused for its length.
            let end = path.floor_char_boundary(PATH_BYTES_MAX);
            self.gaps.push(Gap { path: path[..end].to_owned(), reason });
        }
    }
}

const MORE_THAN_KEPT: &str = "the files that tell of packages are larger than a scan keeps";
/// Why a file is not known that tells of packages by one of its names alone.
pub(crate) const HIDDEN: &str =
    "the name leads to a file that was not read under its own, and which may tell of packages";

/// Whether a file was not read as its other name, or a link to it, says that it should have been.
pub(crate) fn is_hidden(name: &str, own: &str, entry: &Entry) -> bool {
    let file = |path: &str| path.rsplit('/').next().map(str::to_owned);
    match examine::wanted(name) {
        None => false,
        Some(examine::Wanted::Now) => examine::wanted(own) != Some(examine::Wanted::Now),
        // What is kept is read by the file's name.
        Some(examine::Wanted::AtTheEnd) => entry.content.is_none() || file(name) != file(own),
    }
}

/// Bytes that packages take in memory, about.
fn bytes_of(packages: &[Package]) -> u64 {
    let own = size_of::<Package>() as u64;
    let texts = |it: &Package| (it.name.len() + it.version.len() + it.path.len()) as u64;
    packages.iter().map(|package| own + texts(package)).sum()
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The name without what says nothing; none if it leads out, or is longer than names are.
fn normal(path: &str) -> Option<String> {
    if path.len() > PATH_BYTES_MAX || parts(path).any(|part| part == "..") {
        return None;
    }
    Some(parts(path).filter(|part| *part != ".").collect::<Vec<_>>().join("/"))
}

/// PEM of a private key, whatever its kind. Programs that know the words have them elsewhere than at a line's start.
fn holds_private_key(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| {
        line.starts_with(b"-----BEGIN ")
            && line.trim_ascii_end().ends_with(b"PRIVATE KEY-----")
            && line.len() < 64
    })
}

#[cfg(test)]
mod tests;
