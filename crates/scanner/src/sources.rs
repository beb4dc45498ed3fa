//! Where manifests come from: files, folders, standard input.
//! What stands in them is `posture`'s; here is only which bytes, under what name, and what could not be had.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Folders are entered this deep; a tree of manifests that is deeper is a loop of mounts.
const DEPTH_MAX: usize = 40;
/// Files of one scan. The largest collections of charts have some ten thousand.
const FILES_MAX: usize = 200_000;
/// Folders that hold no manifests of one's own.
const SKIPPED: &[&str] = &["node_modules", "target", "vendor"];

/// A text that was read.
#[derive(Debug)]
pub struct Source {
    /// Its name, as people gave it.
    pub name: String,
    /// Where a fix would be written; none for standard input.
    pub path: Option<PathBuf>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What was gathered.
#[derive(Debug, Default)]
pub struct Sources {
    /// What was read.
    pub read: Vec<Source>,
    /// What could not be: its name, and why.
    pub failed: Vec<(String, String)>,
    /// Folders that were entered.
    entered: HashSet<PathBuf>,
}

impl Sources {
    /// Gathers these paths; `-` is standard input. Of a folder the files that end in `.yaml`, `.yml` or
    /// `.json` are taken; a file that is named is taken whatever it is called.
    pub fn gather(paths: &[PathBuf]) -> Self {
        let mut sources = Self::default();
        for path in paths {
            if path.as_os_str() == "-" {
                sources.read_stdin();
                continue;
            }
            match std::fs::metadata(path) {
                Ok(data) if data.is_dir() => sources.enter(path, 0),
                Ok(data) => sources.read_file(path, data.len()),
                Err(error) => sources.fail(path, &error.to_string()),
            }
        }
        sources
    }

    fn enter(&mut self, folder: &Path, depth: usize) {
        if depth > DEPTH_MAX {
            return self.fail(folder, "the folder lies too deep");
        }
        // A loop of links leads back to a folder that was entered before.
        let own = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if !self.entered.insert(own) {
            return;
        }
        let mut entries =
            match std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
                Ok(entries) => entries,
                Err(error) => return self.fail(folder, &error.to_string()),
            };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if self.read.len() + self.failed.len() >= FILES_MAX {
                return self.fail(folder, "there are more files than a scan takes");
            }
            // Links are followed: a manifest that is left out for being one would be left out silently.
            match std::fs::metadata(&path) {
                Ok(data) if data.is_dir() => {
                    if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                        self.enter(&path, depth + 1);
                    }
                }
                Ok(data) if data.is_file() && is_manifest(&path) => {
                    self.read_file(&path, data.len())
                }
                Ok(_) => {}
                Err(error) if is_manifest(&path) => self.fail(&path, &error.to_string()),
                Err(_) => {}
            }
        }
    }

    fn read_file(&mut self, path: &Path, length: u64) {
        if length > posture::document::SOURCE_BYTES_MAX as u64 {
            let megabytes = posture::document::SOURCE_BYTES_MAX / (1024 * 1024);
            return self.fail(path, &format!("the file is larger than {megabytes} MiB"));
        }
        match std::fs::File::open(path).and_then(bounded) {
            Ok(bytes) => self.read.push(Source {
                name: path.display().to_string(),
                path: Some(path.to_owned()),
                bytes,
            }),
            Err(error) => self.fail(path, &error.to_string()),
        }
    }

    fn read_stdin(&mut self) {
        let name = "(standard input)".to_owned();
        match bounded(std::io::stdin().lock()) {
            Ok(bytes) => self.read.push(Source { name, path: None, bytes }),
            Err(error) => self.failed.push((name, error.to_string())),
        }
    }

    fn fail(&mut self, path: &Path, reason: &str) {
        self.failed.push((path.display().to_string(), reason.to_owned()));
    }
}

/// Reads to the end, but one byte past what `posture` takes, so that it tells what is too large.
fn bounded(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(posture::document::SOURCE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}
