//! The parts of an image by their names, in a folder, within an archive or in a registry.
//! What a part is, and which is wanted, is `layout`'s; how a registry is asked, `registry`'s.
//!
//! Hostile input: a digest is a place only if it is SHA-256 in full, so that none names another file; what `docker save`
//! names is any text, and a place in a folder only if it stays within; what is no file of its own, as a link is, or lies
//! behind one, is not there; the members of an archive are found by their names and nothing is unpacked.

use super::layout::ImageFault;
use aws_lc_rs::digest::{SHA256, digest};
use inventory::tar::{Archive, MemberKind};
use registry::RemoteImage;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// Bytes of a manifest, an index or a configuration; registries take 4 MiB.
const DOCUMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Members of an archive that holds an image: layers and a few documents.
const ARCHIVE_MEMBERS_MAX: usize = 100_000;

/// The files of which an image is made.
#[derive(Debug)]
pub(super) enum Parts {
    Folder(PathBuf),
    Archive {
        path: PathBuf,
        /// First byte and length of each.
        members: HashMap<String, (u64, u64)>,
        /// Old versions of `docker save` link a layer that is there twice.
        links: HashMap<String, String>,
    },
    /// Fetched when they are wanted. Nothing of it is kept.
    Registry(RemoteImage),
}

impl Parts {
    pub(super) fn open(path: &Path) -> Result<Self, ImageFault> {
        let read = |error| ImageFault::Read(path.display().to_string(), error);
        if std::fs::metadata(path).map_err(read)?.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let file = File::open(path).map_err(read)?;
        let mut archive = Archive::new(BufReader::with_capacity(256 * 1024, file));
        let (mut members, mut links) = (HashMap::new(), HashMap::new());
        while let Some(member) = archive.member().map_err(ImageFault::Archive)? {
            if members.len() + links.len() >= ARCHIVE_MEMBERS_MAX {
                return Err(ImageFault::Size(path.display().to_string()));
            }
            let name = member.path.trim_start_matches("./").to_owned();
            match member.kind {
                MemberKind::File => {
                    members.insert(name, (member.offset, member.size));
                }
                MemberKind::SymbolicLink | MemberKind::HardLink => {
                    links.insert(name, member.link);
                }
                _ => {}
            }
        }
        Ok(Self::Archive { path: path.to_owned(), members, links })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => within(folder, name).is_some(),
            Self::Archive { members, .. } => members.contains_key(name),
            // Whether it is, it tells when it is asked for it.
            Self::Registry(_) => true,
        }
    }

    pub(super) fn open_part(&self, name: &str) -> Result<Box<dyn Read>, ImageFault> {
        let read = |error| ImageFault::Read(name.to_owned(), error);
        match self {
            Self::Folder(folder) => {
                // `manifest.json` of `docker save` names its parts as it likes.
                let missing = || ImageFault::Missing(name.to_owned());
                let (path, length) = within(folder, name).ok_or_else(missing)?;
                Ok(Box::new(File::open(path).map_err(read)?.take(length)))
            }
            Self::Archive { path, members, links } => {
                let linked = links.get(name).map(|link| {
                    // Relative to the folder of the link, one folder up at most.
                    link.trim_start_matches("../").trim_start_matches('/').to_owned()
                });
                let found = members.get(name).or_else(|| members.get(&linked?));
                let (offset, length) =
                    found.copied().ok_or_else(|| ImageFault::Missing(name.to_owned()))?;
                let mut file = File::open(path).map_err(read)?;
                file.seek(SeekFrom::Start(offset)).map_err(read)?;
                Ok(Box::new(file.take(length)))
            }
            Self::Registry(image) => Ok(Box::new(image.layer(&digest_of(name)?, None)?)),
        }
    }

    /// A layer; of a registry's, the length is verified as well.
    pub(super) fn open_layer(
        &self,
        name: &str,
        length: Option<u64>,
    ) -> Result<Box<dyn Read>, ImageFault> {
        match self {
            Self::Registry(image) => Ok(Box::new(image.layer(&digest_of(name)?, length)?)),
            _ => self.open_part(name),
        }
    }

    pub(super) fn document(&self, name: &str) -> Result<Vec<u8>, ImageFault> {
        let mut bytes = Vec::new();
        self.open_part(name)?
            .take(DOCUMENT_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| ImageFault::Read(name.to_owned(), error))?;
        if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
            return Err(ImageFault::Size(name.to_owned()));
        }
        Ok(bytes)
    }

    /// An index or a manifest whose digest holds.
    pub(super) fn manifest(&self, wanted: &str) -> Result<Vec<u8>, ImageFault> {
        match self {
            Self::Registry(image) => Ok(image.manifest(wanted)?.bytes),
            _ => self.blob_document(wanted),
        }
    }

    /// A configuration whose digest holds.
    pub(super) fn config(&self, wanted: &str) -> Result<Vec<u8>, ImageFault> {
        match self {
            Self::Registry(image) => Ok(image.config(wanted)?),
            _ => self.blob_document(wanted),
        }
    }

    fn blob_document(&self, wanted: &str) -> Result<Vec<u8>, ImageFault> {
        let bytes = self.document(&blob_place(wanted)?)?;
        let found = format!("sha256:{}", hex(digest(&SHA256, &bytes).as_ref()));
        if found == wanted { Ok(bytes) } else { Err(ImageFault::Digest(wanted.to_owned())) }
    }
}

/// The file of this name in the folder, and its length. Neither it nor a folder before it may be a link, and the name
/// neither goes up nor begins anew.
fn within(folder: &Path, name: &str) -> Option<(PathBuf, u64)> {
    let mut path = folder.to_owned();
    let mut found = None;
    for part in Path::new(name).components() {
        let Component::Normal(part) = part else { return None };
        path.push(part);
        let data = std::fs::symlink_metadata(&path).ok()?;
        if !data.is_dir() && !data.is_file() {
            return None;
        }
        found = data.is_file().then_some(data.len());
    }
    Some((path, found?))
}

/// A digest as a place: only SHA-256 in full is one, so that no digest can name another file.
pub(super) fn blob_place(digest: &str) -> Result<String, ImageFault> {
    let digits = digest.strip_prefix("sha256:").filter(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    digits
        .map(|digits| format!("blobs/sha256/{digits}"))
        .ok_or_else(|| ImageFault::Digest(digest.to_owned()))
}

/// The digest that a place was made of.
fn digest_of(place: &str) -> Result<String, ImageFault> {
    let digits = place.strip_prefix("blobs/sha256/");
    digits
        .map(|digits| format!("sha256:{digits}"))
        .ok_or_else(|| ImageFault::Missing(place.to_owned()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
