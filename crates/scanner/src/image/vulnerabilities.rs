//! Databases of vulnerabilities as files: asked for the packages of an image, and built from folders of advisories.
//! What an advisory says and which versions it means is `advisories`'.
//!
//! Hostile input: folders are entered to a bounded depth, files and members of archives are bounded.

use advisories::database::{Builder, Database, DatabaseFault};
use advisories::key::{PublicKey, SecretKey};
use advisories::matching::{Index, Vulnerability, ecosystems, names};
use advisories::osv;
use inventory::{Inventory, Package, zip};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of a key in PEM.
const KEY_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of one advisory; the largest name some ten thousand versions.
const ADVISORY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of an archive of advisories: all of OSV has about two gigabytes.
const ARCHIVE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Folders in folders.
const DEPTH_MAX: usize = 16;

/// Why a database cannot be asked or built.
#[derive(Debug, thiserror::Error)]
pub enum VulnerabilityFault {
    /// A file cannot be read.
    #[error("`{0}` cannot be read")]
    Read(String, #[source] std::io::Error),
    /// A file is too large.
    #[error("`{0}` is larger than a scan reads")]
    Size(String),
    /// A key is none.
    #[error("`{0}` is no key")]
    Key(String, #[source] advisories::key::KeyFault),
    /// The database is none, or not that of the key.
    #[error("the database cannot be used")]
    Database(#[from] DatabaseFault),
    /// There is no advisory in what was given.
    #[error(
        "there is no advisory in what was given; they are .json files as OSV publishes them, or .zip archives of them"
    )]
    Nothing,
    /// The database cannot be written.
    #[error("the database cannot be put together")]
    Written(#[source] std::io::Error),
}

/// What a database says of the packages of an image.
#[derive(Debug, Default)]
pub struct Answers {
    /// Vulnerabilities, each with the package that has it.
    pub found: Vec<(Package, Vulnerability)>,
    /// What could not be asked.
    pub missed: Vec<String>,
}

/// A database in a file.
#[derive(Debug)]
pub struct Vulnerabilities {
    file: BufReader<File>,
    name: String,
    database: Database,
}

impl Vulnerabilities {
    /// Opens the file, and verifies it by the key in the other.
    pub fn open(path: &Path, key: &Path) -> Result<Self, VulnerabilityFault> {
        let text = text_of(key)?;
        let key = PublicKey::read(&text)
            .map_err(|fault| VulnerabilityFault::Key(key.display().to_string(), fault))?;
        let name = path.display().to_string();
        let file =
            File::open(path).map_err(|error| VulnerabilityFault::Read(name.clone(), error))?;
        let mut file = BufReader::new(file);
        let database = Database::open(&mut file, &key)?;
        Ok(Self { file, name, database })
    }

    /// When it was built, and each ecosystem with its count of advisories.
    pub fn contents(&self) -> (&str, Vec<(&str, u64)>) {
        let sections = self.database.sections().iter();
        let told = sections.map(|section| (section.ecosystem.as_str(), section.advisories));
        (self.database.built(), told.collect())
    }

    /// What it says of these packages. Only sections of their ecosystems are read.
    pub fn ask(&mut self, inventory: &Inventory) -> Result<Answers, VulnerabilityFault> {
        let mut by_ecosystem: BTreeMap<Vec<String>, Vec<&Package>> = BTreeMap::new();
        for package in &inventory.packages {
            let names = ecosystems(package.kind, inventory.distribution.as_ref());
            by_ecosystem.entry(names).or_default().push(package);
        }
        let mut answers = Answers::default();
        for (ecosystems, packages) in by_ecosystem {
            let wanted: HashSet<String> =
                packages.iter().flat_map(|package| names(package)).map(|(name, _)| name).collect();
            let sections: Vec<_> = self
                .database
                .sections()
                .iter()
                .filter(|section| ecosystems.contains(&section.ecosystem))
                .cloned()
                .collect();
            if sections.is_empty() {
                let of = match (ecosystems.first(), &inventory.distribution) {
                    (Some(ecosystem), _) => ecosystem.clone(),
                    (None, Some(distribution)) => distribution.label(),
                    (None, None) => "a distribution that is not told".to_owned(),
                };
                answers.missed.push(format!(
                    "the database knows nothing of {of}; {} packages were not asked about",
                    packages.len()
                ));
                continue;
            }
            let mut found = Vec::new();
            for section in sections {
                let start = self.database.start_of(&section);
                let read = |error| VulnerabilityFault::Read(self.name.clone(), error);
                self.file.seek(SeekFrom::Start(start)).map_err(read)?;
                let mut packed = Vec::new();
                self.file.by_ref().take(section.length).read_to_end(&mut packed).map_err(read)?;
                found.extend(section.read(&packed, |name| wanted.contains(name))?);
            }
            let index = Index::new(found);
            for package in packages {
                let matched = index.of(package);
                let vulnerabilities = matched.vulnerabilities.into_iter();
                answers.found.extend(vulnerabilities.map(|found| (package.clone(), found)));
                if !matched.unknown.is_empty() {
                    answers.missed.push(format!(
                        "{} {} cannot be compared with the versions of {}",
                        package.name,
                        package.version,
                        matched.unknown.join(", ")
                    ));
                }
            }
        }
        Ok(answers)
    }
}

/// What was put into a database.
#[derive(Debug)]
pub struct Built {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is said of packages in it.
    pub count: usize,
    /// Files that are no advisories, and why.
    pub skipped: Vec<(String, String)>,
}

/// Builds a database of all advisories in these files, folders and archives.
pub fn build(from: &[PathBuf], key: &Path, time: &str) -> Result<Built, VulnerabilityFault> {
    let key = SecretKey::read(&text_of(key)?)
        .map_err(|fault| VulnerabilityFault::Key(key.display().to_string(), fault))?;
    let (mut builder, mut skipped) = (Builder::default(), Vec::new());
    for path in from {
        gather(path, 0, &mut builder, &mut skipped)?;
    }
    let count = builder.count();
    if count == 0 {
        return Err(VulnerabilityFault::Nothing);
    }
    let bytes = builder.finish(time, &key).map_err(VulnerabilityFault::Written)?;
    Ok(Built { bytes, count, skipped })
}

fn gather(
    path: &Path,
    depth: usize,
    builder: &mut Builder,
    skipped: &mut Vec<(String, String)>,
) -> Result<(), VulnerabilityFault> {
    let name = path.display().to_string();
    let read = |error| VulnerabilityFault::Read(name.clone(), error);
    if std::fs::metadata(path).map_err(read)?.is_dir() {
        if depth > DEPTH_MAX {
            skipped.push((name, "the folder lies too deep".to_owned()));
            return Ok(());
        }
        let entries = std::fs::read_dir(path).map_err(read)?.collect::<Result<Vec<_>, _>>();
        let mut paths: Vec<_> =
            entries.map_err(read)?.iter().map(std::fs::DirEntry::path).collect();
        paths.sort();
        for path in paths {
            let is_link = std::fs::symlink_metadata(&path).is_ok_and(|data| data.is_symlink());
            let is_wanted =
                path.is_dir() || path.extension().is_some_and(|end| end == "json" || end == "zip");
            if is_wanted && !is_link {
                gather(&path, depth + 1, builder, skipped)?;
            }
        }
        return Ok(());
    }
    let is_archive = path.extension().is_some_and(|end| end == "zip");
    let bytes = bytes_of(path, if is_archive { ARCHIVE_BYTES_MAX } else { ADVISORY_BYTES_MAX })?;
    if !is_archive {
        take(&name, &bytes, builder, skipped);
        return Ok(());
    }
    match zip::members(&bytes) {
        Ok(members) => {
            for member in members.iter().filter(|member| member.name.ends_with(".json")) {
                let place = format!("{name}: {}", member.name);
                match member.read(ADVISORY_BYTES_MAX) {
                    Ok(text) => take(&place, &text, builder, skipped),
                    Err(unreadable) => skipped.push((place, unreadable.to_string())),
                }
            }
        }
        Err(unreadable) => skipped.push((name, unreadable.to_string())),
    }
    Ok(())
}

fn take(name: &str, text: &[u8], builder: &mut Builder, skipped: &mut Vec<(String, String)>) {
    match osv::read(text) {
        Ok(found) => {
            found.into_iter().for_each(|(ecosystem, advisory)| builder.add(ecosystem, advisory))
        }
        Err(osv::OsvFault::Json(error)) => skipped.push((name.to_owned(), error.to_string())),
    }
}

fn bytes_of(path: &Path, bytes_max: u64) -> Result<Vec<u8>, VulnerabilityFault> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
        .map_err(|error| VulnerabilityFault::Read(name.clone(), error))?;
    if bytes.len() as u64 > bytes_max { Err(VulnerabilityFault::Size(name)) } else { Ok(bytes) }
}

fn text_of(path: &Path) -> Result<String, VulnerabilityFault> {
    Ok(String::from_utf8_lossy(&bytes_of(path, KEY_BYTES_MAX)?).into_owned())
}
