//! RPM's database: which packages it holds, whichever of its forms it has.
//! Pages are `sqlite`'s; the forms of old (Berkeley DB) and of SUSE (ndb) are told and not read.
//!
//! Hostile input: a header's index names places in its own data; each is checked, and a database in which one
//! header is damaged is told as such, for the packages that it hides are not known.

pub mod sqlite;

use crate::bytes::{be32, place, slice};
use crate::package::{Kind, Package};
use crate::packages::Unreadable;

/// Headers of one database; a desktop has some thousand.
pub(crate) const HEADERS_MAX: usize = 100_000;
/// Entries of one header's index; rpm itself takes no more than this.
const INDEX_MAX: u32 = 0xffff;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const LICENCE: u32 = 1014;
const ARCHITECTURE: u32 = 1022;
const SOURCE_RPM: u32 = 1044;

const DAMAGED: Unreadable = Unreadable("a header in RPM's database is damaged");

/// The packages that are installed.
pub fn packages(path: &str, content: &[u8]) -> Result<Vec<Package>, Unreadable> {
    if content.is_empty() {
        return Ok(Vec::new());
    }
    if !content.starts_with(sqlite::MAGIC) {
        return Err(Unreadable("RPM's database has a form that is not read: it is not SQLite"));
    }
    let mut packages = Vec::new();
    for header in sqlite::headers(content)? {
        let package = package(path, &header).ok_or(DAMAGED)?;
        // Keys that signatures are checked with stand among the packages.
        if package.name != "gpg-pubkey" {
            packages.push(package);
        }
    }
    Ok(packages)
}

/// A header as it lies in a database: the count of its index and the length of its data, the index, the data.
fn package(path: &str, header: &[u8]) -> Option<Package> {
    let count = be32(header, 0).filter(|count| *count <= INDEX_MAX)?;
    let length = place(be32(header, 4)?)?;
    let index_length = place(count)?.checked_mul(16)?;
    let index = slice(header, 8, index_length)?;
    let data = slice(header, 8 + index_length, length)?;
    let entry = |tag: u32| {
        let mut entries = index.chunks_exact(16);
        let entry = entries.find(|entry| be32(entry, 0) == Some(tag))?;
        Some((be32(entry, 4)?, place(be32(entry, 8)?)?))
    };
    let text = |tag: u32| {
        // String, array of strings, or string in several languages: the first is meant.
        let (_, at) = entry(tag).filter(|(kind, _)| matches!(kind, 6 | 8 | 9))?;
        let rest = data.get(at..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&rest[..end]).ok().filter(|text| !text.is_empty())
    };
    let epoch = entry(EPOCH).filter(|(kind, _)| *kind == 4).and_then(|(_, at)| be32(data, at));
    let version = format!("{}-{}", text(VERSION)?, text(RELEASE)?);
    let version = match epoch.unwrap_or_default() {
        0 => version,
        epoch => format!("{epoch}:{version}"),
    };
    let mut package = Package::new(Kind::Rpm, text(NAME)?, &version, path);
    package.architecture = text(ARCHITECTURE).map(str::to_owned);
    package.licence = text(LICENCE).map(str::to_owned);
    package.source = text(SOURCE_RPM).and_then(source);
    Some(package)
}

/// `name-version-release.src.rpm`.
fn source(file: &str) -> Option<(String, String)> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let mut parts = stem.rsplitn(3, '-');
    let (release, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some((name.to_owned(), format!("{version}-{release}")))
}

#[cfg(test)]
mod tests;
