//! Files as a process sees them: its root, its links, its names of users; their mode and owner.
//! Why a file matters is `programs`'.
//!
//! Hostile input: a link is followed within the root given, however it is written; a chain of links ends.

use super::list;
use posture::node::Node;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Links that are followed for one path; the kernel's own number.
const LINKS_MAX: usize = 40;
/// Files that are looked at for one program. A folder of keys has a few dozen.
const FILES_MAX: usize = 1000;
/// Files of one folder that are looked at.
const FOLDER_MAX: usize = 200;
/// Names of one folder that are read to be put in order, so that which files are looked at is no chance.
const NAMES_MAX: usize = 100_000;

/// Where a path leads in a root of its own: never to a link.
pub(super) fn inside(root: &Path, path: &str) -> io::Result<PathBuf> {
    let mut rest: Vec<OsString> = parts(Path::new(path));
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(&part);
        let target = match std::fs::read_link(root.join(&at)) {
            Ok(target) => target,
            // It is no link, or it is not there, which whoever looks at it is told.
            Err(error) if is_no_link(&error) => continue,
            Err(error) => return Err(error),
        };
        links += 1;
        if links > LINKS_MAX {
            return Err(io::Error::other("it leads through more links than the kernel follows"));
        }
        at.pop();
        if target.is_absolute() {
            at = PathBuf::new();
        }
        rest.extend(parts(&target));
    }
    Ok(root.join(at))
}

fn is_no_link(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), InvalidInput | NotADirectory | NotFound)
}

/// What is read of a file of a node at most: configurations have a few KiB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Reads a regular file of a root within the bound.
pub(super) fn bounded(root: &Path, path: &str) -> io::Result<Vec<u8>> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    // Who writes the folder may have put a link or a pipe there since the path was followed. The handle is asked
    // what it is: a pipe would be waited for, and a device never end.
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
        .open(inside(root, path)?)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("it is larger than any configuration"));
    }
    Ok(bytes)
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component: Component<'_>| match component {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(part).collect()
}

/// What was seen of files, by the path as the program names it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    files: BTreeMap<String, File>,
    names: HashMap<PathBuf, Names>,
}

/// Names of users and groups, by a root's own tables.
#[derive(Debug)]
struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

#[derive(Debug)]
struct File {
    uses: Vec<&'static str>,
    seen: Result<Facts, String>,
}

#[derive(Debug)]
struct Facts {
    mode: u32,
    owner: String,
    group: String,
}

impl Seen {
    /// Looks at a file that a program names.
    pub(super) fn look(&mut self, root: &Path, path: &str, of_use: &'static str) {
        if !self.files.contains_key(path) {
            if self.files.len() >= FILES_MAX {
                self.miss("(others)", of_use, "there are more files than are looked at");
                return;
            }
            let seen = self.facts(root, path).map_err(|error| error.to_string());
            self.files.insert(path.to_owned(), File { uses: Vec::new(), seen });
        }
        if let Some(file) = self.files.get_mut(path)
            && !file.uses.contains(&of_use)
        {
            file.uses.push(of_use);
        }
    }

    /// Looks at a file that may as well not be there.
    pub(super) fn look_if_there(&mut self, root: &Path, path: &str, of_use: &'static str) {
        match inside(root, path).and_then(std::fs::symlink_metadata) {
            Ok(_) => self.look(root, path, of_use),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.miss(path, of_use, &error.to_string()),
        }
    }

    /// Looks at the files of a folder that may as well not be there, those whose names are wanted.
    pub(super) fn look_in(
        &mut self,
        root: &Path,
        folder: &str,
        of_use: &'static str,
        wanted: impl Fn(&str) -> bool,
    ) {
        let (paths, missed) = folder_files(root, folder);
        for path in paths.iter().filter(|path| wanted(path)) {
            self.look(root, path, of_use);
        }
        if let Some(reason) = missed {
            self.miss(folder, of_use, &reason);
        }
    }

    /// Notes that what may be there for this use could not be looked at.
    pub(super) fn miss(&mut self, path: &str, of_use: &'static str, reason: &str) {
        let file = self
            .files
            .entry(path.to_owned())
            .or_insert_with(|| File { uses: Vec::new(), seen: Err(reason.to_owned()) });
        if !file.uses.contains(&of_use) {
            file.uses.push(of_use);
        }
    }

    /// The name of a user, by the root's own table; the number, if it has none.
    pub(super) fn user(&mut self, root: &Path, id: u32) -> String {
        named(&self.names(root).users, id)
    }

    fn names(&mut self, root: &Path) -> &Names {
        self.names.entry(root.to_owned()).or_insert_with(|| Names {
            users: table(root, "/etc/passwd"),
            groups: table(root, "/etc/group"),
        })
    }

    fn facts(&mut self, root: &Path, path: &str) -> io::Result<Facts> {
        let data = std::fs::symlink_metadata(inside(root, path)?)?;
        if data.is_symlink() {
            return Err(io::Error::other("it became a link while it was looked at"));
        }
        let names = self.names(root);
        Ok(Facts {
            mode: data.mode() & 0o7777,
            owner: named(&names.users, data.uid()),
            group: named(&names.groups, data.gid()),
        })
    }

    /// As facts.
    pub(super) fn into_node(self) -> Node {
        Node::made_map(self.files.into_iter().map(|(path, file)| {
            let uses = list(file.uses.into_iter().map(Node::made_text));
            let mut fields = vec![("use".to_owned(), uses)];
            match file.seen {
                Ok(facts) => fields.extend([
                    ("mode".to_owned(), Node::made_text(format!("{:04o}", facts.mode))),
                    ("owner".to_owned(), Node::made_text(facts.owner)),
                    ("group".to_owned(), Node::made_text(facts.group)),
                ]),
                Err(fault) => fields.push(("fault".to_owned(), Node::made_text(fault))),
            }
            (path, Node::made_map(fields))
        }))
    }
}

fn named(names: &HashMap<u32, String>, id: u32) -> String {
    match names.get(&id) {
        _ if id == 0 => "root".to_owned(),
        Some(name) => name.clone(),
        None => id.to_string(),
    }
}

/// A table of users or groups. A file's owner is no worse known by its number, so that it may be missing.
fn table(root: &Path, path: &str) -> HashMap<u32, String> {
    let bytes = bounded(root, path).unwrap_or_default();
    let mut names = HashMap::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        let mut fields = line.split(':');
        let (name, id) = (fields.next(), fields.nth(1).and_then(|id| id.parse().ok()));
        // Whoever writes the table may call himself root; only the number makes him so.
        if let Some((name, id)) = name.zip(id).filter(|(name, _)| !matches!(*name, "" | "root")) {
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

/// The files of a folder that are no folders, as paths in the root, in the order of their names; and why there may
/// be others. There are none, if it is not there.
pub(super) fn folder_files(root: &Path, folder: &str) -> (Vec<String>, Option<String>) {
    let entries = match inside(root, folder).and_then(std::fs::read_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (Vec::new(), None),
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let (mut paths, mut missed) = (Vec::new(), None);
    for (number, entry) in entries.enumerate() {
        if number >= NAMES_MAX {
            missed = Some(format!("there are more than {NAMES_MAX} names in it"));
            break;
        }
        match entry {
            Ok(entry) if entry.file_type().is_ok_and(|kind| kind.is_dir()) => {}
            Ok(entry) => {
                let name = entry.file_name();
                paths.push(format!("{}/{}", folder.trim_end_matches('/'), name.to_string_lossy()));
            }
            Err(error) => missed = Some(error.to_string()),
        }
    }
    paths.sort();
    if paths.len() > FOLDER_MAX {
        paths.truncate(FOLDER_MAX);
        missed.get_or_insert(format!("only the first {FOLDER_MAX} files in it were looked at"));
    }
    (paths, missed)
}
