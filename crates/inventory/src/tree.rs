//! The file tree of an image: its layers laid over each other, with what each file is and what tells of packages.
//! How a layer was compressed and where it came from is the caller's; what the kept contents say is `packages`'.
//!
//! Whiteouts (OCI image specification, layer.md): `.wh.NAME` takes away what lower layers have under that name,
//! `.wh..wh..opq` all that they have in its folder; neither touches what its own layer brings.
//!
//! Hostile input: the tree is in memory alone, so that a name can lead nowhere else; a name with `..` is refused and
//! told; links of folders are followed within the tree and a bounded number of times; members, kept bytes and
//! bytes that pass are bounded, and who meets a bound is told so.

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
/// Bytes of a file that may be somebody's key: a key has a few kilobytes.
const KEY_BYTES_MAX: u64 = 64 * 1024;
/// Links that lead to links; as many as Linux follows.
const LINKS_MAX: usize = 40;
/// Bytes of a name; as many as Linux takes.
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
    pub link: String,
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
            self.gap(&written, "the links before the member lead in a circle; it was not taken");
            return Ok(());
        };
        if name == ".wh..wh..opq" {
            if self.cleared.insert(folder.clone()) {
                self.remove_below(&folder, layer);
            }
            return Ok(());
        }
        if let Some(name) = name.strip_prefix(".wh.") {
            let path = joined(&folder, name);
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
        if member.kind != MemberKind::Folder && self.is_folder(&path) {
            // What is no folder any more has nothing below it.
            self.remove_below(&path, layer + 1);
        }
        let entry = match member.kind {
            MemberKind::HardLink => {
                let target = normal(&member.link).and_then(|link| self.resolved(&link, false));
                match target.and_then(|target| self.entries.get(&target)) {
                    Some(entry) => Entry { layer, ..entry.clone() },
                    None => {
                        self.gap(&path, "the file is another name of one that is not there");
                        return Ok(());
                    }
                }
            }
            _ => self.entry(&path, layer, member, archive)?,
        };
        if let Some(content) = self.entries.insert(path, entry).and_then(|old| old.content)
            && Arc::strong_count(&content) == 1
        {
            // Layer after layer writes the same database anew; only what is still held counts.
            self.kept = self.kept.saturating_sub(content.len() as u64);
        }
        Ok(())
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
            link: member.link.clone(),
            layer,
            content: None,
            packages: Arc::default(),
            private_key: false,
            gap: None,
        };
        if member.kind != MemberKind::File {
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
                self.kept += member.size;
                if self.kept > KEPT_BYTES_MAX {
                    entry.gap =
                        Some("the files that tell of packages are larger than a scan keeps");
                } else {
                    entry.content = Some(head.into());
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
    fn resolved(&self, path: &str, last: bool) -> Option<String> {
        let mut done: Vec<String> = Vec::new();
        let mut ahead: Vec<String> = parts(path).rev().map(str::to_owned).collect();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            match part.as_str() {
                "." => continue,
                // Above the root is the root.
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            if ahead.is_empty() && !last {
                break;
            }
            let here = done.join("/");
            let Some(entry) = self.entries.get(&here) else { continue };
            if entry.kind != MemberKind::SymbolicLink {
                continue;
            }
            links += 1;
            if links > LINKS_MAX || entry.link.len() > PATH_BYTES_MAX {
                return None;
            }
            done.pop();
            if entry.link.starts_with('/') {
                done.clear();
            }
            ahead.extend(parts(&entry.link).rev().map(str::to_owned));
        }
        Some(done.join("/"))
    }

    fn gap(&mut self, path: &str, reason: &'static str) {
        /// A hostile layer can have as many as it has members; nobody reads more.
        const GAPS_MAX: usize = 100;
        if self.gaps.len() < GAPS_MAX {
            self.gaps.push(Gap { path: path.to_owned(), reason });
        }
    }
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
