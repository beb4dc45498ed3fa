//! A database of vulnerabilities in one file: a signed table of contents, and a section for each ecosystem.
//! Where it is kept is the caller's, and so is which sections are read: those of the packages at hand.
//!
//! Format: `sallyport-vulndb` and the length of the contents (4 bytes, the least significant first); the contents, JSON;
//! their signature, 64 bytes; the sections, each lines of JSON by package, packed with gzip. The signature holds the
//! contents, and their SHA-256 hold the sections, so that what is read is verified and nothing else need be.
//!
//! Hostile input: nothing of the contents is believed before the signature holds, and nothing of a section before
//! its digest does; both are bounded.

use crate::Advisory;
use crate::key::{PublicKey, SecretKey};
use aws_lc_rs::digest::{SHA256, digest};
use flate2::Compression;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};

const MAGIC: &[u8; 16] = b"sallyport-vulndb";
const FORMAT: &str = "sallyport.vulnerabilities/v1";
const SIGNATURE_BYTES: usize = 64;
/// Bytes of the contents: some hundred ecosystems with some hundred bytes each.
pub const CONTENTS_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that a section may unfold to: the largest of OSV, with what is kept of it, has some hundred megabytes.
const SECTION_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseFault {
    /// It is none.
    #[error("this is no database of vulnerabilities")]
    Form,
    /// It was made by a later version of this program.
    #[error("the database has the form `{0}`, and this program reads `{FORMAT}`")]
    Version(String),
    /// Somebody else made it, or it was changed.
    #[error("the database's signature does not hold for this key")]
    Signature,
    /// A section was changed, or torn.
    #[error("the section `{0}` of the database is damaged")]
    Section(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    format: String,
    built: String,
    sections: Vec<Section>,
}

/// A section of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The ecosystem, as OSV names it.
    pub ecosystem: String,
    /// How many advisories it holds.
    pub advisories: u64,
    /// Its first byte, counted from the end of the signature.
    offset: u64,
    /// Its bytes.
    pub length: u64,
    sha256: String,
}

/// Advisories that become a database.
#[derive(Debug, Default)]
pub struct Builder {
    by_ecosystem: BTreeMap<String, Vec<Advisory>>,
}

impl Builder {
    /// Adds what was said of one package.
    pub fn add(&mut self, ecosystem: String, advisory: Advisory) {
        self.by_ecosystem.entry(ecosystem).or_default().push(advisory);
    }

    /// How many were added.
    pub fn count(&self) -> usize {
        self.by_ecosystem.values().map(Vec::len).sum()
    }

    /// Writes and signs the database. `built` is the time, in RFC 3339. The same advisories give the same bytes.
    pub fn finish(self, built: &str, key: &SecretKey) -> std::io::Result<Vec<u8>> {
        let (mut sections, mut body) = (Vec::new(), Vec::new());
        for (ecosystem, mut advisories) in self.by_ecosystem {
            advisories.sort_by(|one, two| (&one.package, &one.id).cmp(&(&two.package, &two.id)));
            advisories.dedup();
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
            for advisory in &advisories {
                serde_json::to_writer(&mut packed, advisory)?;
                packed.write_all(b"\n")?;
            }
            let packed = packed.finish()?;
            sections.push(Section {
                ecosystem,
                advisories: advisories.len() as u64,
                offset: body.len() as u64,
                length: packed.len() as u64,
                sha256: hex(&packed),
            });
            body.extend(packed);
        }
        let contents = Contents { format: FORMAT.to_owned(), built: built.to_owned(), sections };
        let contents = serde_json::to_vec(&contents)?;
        let length = u32::try_from(contents.len())
            .ok()
            .filter(|_| contents.len() <= CONTENTS_BYTES_MAX)
            .ok_or_else(|| {
                std::io::Error::other("there are more ecosystems than a database holds")
            })?;
        let mut file = MAGIC.to_vec();
        file.extend(length.to_le_bytes());
        file.extend(contents);
        let signature = key.sign(&file);
        file.extend(signature);
        file.extend(body);
        Ok(file)
    }
}

/// A database whose contents are verified.
#[derive(Debug)]
pub struct Database {
    contents: Contents,
    body: u64,
}

impl Database {
    /// Reads the contents, and verifies them.
    pub fn open(file: &mut impl Read, key: &PublicKey) -> Result<Self, DatabaseFault> {
        let form = |_| DatabaseFault::Form;
        let mut head = [0; MAGIC.len() + 4];
        file.read_exact(&mut head).map_err(form)?;
        let (magic, length) = head.split_at(MAGIC.len());
        let length = length.try_into().map(u32::from_le_bytes).map_err(|_| DatabaseFault::Form)?;
        let length = usize::try_from(length).map_err(|_| DatabaseFault::Form)?;
        if magic != MAGIC || length > CONTENTS_BYTES_MAX {
            return Err(DatabaseFault::Form);
        }
        let mut signed = head.to_vec();
        signed.resize(head.len() + length, 0);
        file.read_exact(&mut signed[head.len()..]).map_err(form)?;
        let mut signature = [0; SIGNATURE_BYTES];
        file.read_exact(&mut signature).map_err(form)?;
        if !key.holds(&signed, &signature) {
            return Err(DatabaseFault::Signature);
        }
        let contents: Contents =
            serde_json::from_slice(&signed[head.len()..]).map_err(|_| DatabaseFault::Form)?;
        if contents.format != FORMAT {
            return Err(DatabaseFault::Version(contents.format));
        }
        Ok(Self { contents, body: (signed.len() + SIGNATURE_BYTES) as u64 })
    }

    /// When it was built.
    pub fn built(&self) -> &str {
        &self.contents.built
    }

    /// Its sections.
    pub fn sections(&self) -> &[Section] {
        &self.contents.sections
    }

    /// Where a section begins in the file.
    pub fn start_of(&self, section: &Section) -> u64 {
        self.body.saturating_add(section.offset)
    }
}

impl Section {
    /// The advisories of its bytes for those packages that are wanted.
    pub fn read(
        &self,
        packed: &[u8],
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Advisory>, DatabaseFault> {
        let damaged = || DatabaseFault::Section(self.ecosystem.clone());
        if hex(packed) != self.sha256 {
            return Err(damaged());
        }
        let unfolded = flate2::read::GzDecoder::new(packed).take(SECTION_BYTES_MAX);
        let mut found = Vec::new();
        for line in BufReader::new(unfolded).lines() {
            let line = line.map_err(|_| damaged())?;
            let advisory: Advisory = serde_json::from_str(&line).map_err(|_| damaged())?;
            if wanted(&advisory.package) {
                found.push(advisory);
            }
        }
        Ok(found)
    }
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Builder, Database, DatabaseFault};
    use crate::key::SecretKey;
    use crate::{Advisory, Rating};

    fn advisory(package: &str, id: &str) -> Advisory {
        Advisory {
            package: package.to_owned(),
            id: id.to_owned(),
            aliases: Vec::new(),
            rating: Rating::High,
            summary: String::new(),
            ranges: Vec::new(),
            versions: vec!["1".to_owned()],
        }
    }

    fn key() -> SecretKey {
        SecretKey::read(include_str!("../tests/data/secret.pem")).unwrap()
    }

    fn database() -> Vec<u8> {
        let mut builder = Builder::default();
        for (ecosystem, package, id) in
            [("npm", "b", "2"), ("npm", "a", "1"), ("npm", "a", "1"), ("Debian:12", "c", "3")]
        {
            builder.add(ecosystem.to_owned(), advisory(package, id));
        }
        builder.finish("2026-01-02T03:04:05Z", &key()).unwrap()
    }

    #[test]
    fn what_was_added_is_read_again() {
        let file = database();
        let database = Database::open(&mut file.as_slice(), &key().public()).unwrap();
        assert_eq!(database.built(), "2026-01-02T03:04:05Z");
        let [debian, npm] = database.sections() else { panic!("{database:?}") };
        assert_eq!((debian.advisories, npm.advisories), (1, 2));
        let start = usize::try_from(database.start_of(npm)).unwrap();
        let packed = &file[start..start + usize::try_from(npm.length).unwrap()];
        let found = npm.read(packed, |name| name == "a").unwrap();
        assert_eq!(found, [advisory("a", "1")]);
        assert!(matches!(debian.read(packed, |_| true), Err(DatabaseFault::Section(_))));
    }

    #[test]
    fn a_database_of_another_or_a_changed_one_is_refused() {
        let file = database();
        let other = SecretKey::read(&SecretKey::make().unwrap()).unwrap().public();
        let open = |file: &[u8], key: &crate::key::PublicKey| {
            Database::open(&mut { file }, key).map(|_| ())
        };
        assert!(matches!(open(&file, &other), Err(DatabaseFault::Signature)));
        for at in [16, 30, 60, 100] {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &key().public()).is_err(), "byte {at}");
        }
        for length in [0, 10, 20, 40, 200] {
            assert!(matches!(open(&file[..length], &key().public()), Err(DatabaseFault::Form)));
        }
    }
}
