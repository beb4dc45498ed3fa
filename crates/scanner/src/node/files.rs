//! Files as a process sees them: its root, its links, its names of users; their mode and owner.
//! Why a file matters is `programs`'.
//!
//! Hostile input: a link is followed within the root given, however it is written; a chain of links ends.

use super::{bounded, list};
use posture::node::Node;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Links that are followed for one path; the kernel's own number.
const LINKS_MAX: usize = 40;
/// Files that are looked at for one program. A folder of keys has a few dozen.
const FILES_MAX: usize = 1000;

/// Where a path leads in a root of its own.
pub(super) fn inside(root: &Path, path: &str) -> PathBuf {
    let mut rest: Vec<OsString> = parts(Path::new(path));
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(&part);
        let Ok(target) = std::fs::read_link(root.join(&at)) else { continue };
        links += 1;
        if links > LINKS_MAX {
            break;
        }
        at.pop();
        if target.is_absolute() {
            at = PathBuf::new();
        }
        rest.extend(parts(&target));
    }
    root.join(at)
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
        if self.files.len() >= FILES_MAX {
            return;
        }
        let file = self.files.entry(path.to_owned()).or_insert_with(|| File {
            uses: Vec::new(),
            seen: facts(root, path).map_err(|error| error.to_string()),
        });
        if !file.uses.contains(&of_use) {
            file.uses.push(of_use);
        }
    }

    /// Looks at a file that may as well not be there.
    pub(super) fn look_if_there(&mut self, root: &Path, path: &str, of_use: &'static str) {
        if std::fs::symlink_metadata(inside(root, path)).is_ok() {
            self.look(root, path, of_use);
        }
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

fn facts(root: &Path, path: &str) -> std::io::Result<Facts> {
    let data = std::fs::metadata(inside(root, path))?;
    Ok(Facts {
        mode: data.mode() & 0o7777,
        owner: name(root, "/etc/passwd", data.uid()),
        group: name(root, "/etc/group", data.gid()),
    })
}

/// The name of a user or group, by the root's own table; the number, if it has none.
pub(super) fn name(root: &Path, table: &str, id: u32) -> String {
    if id == 0 {
        return "root".to_owned();
    }
    let table = bounded(&inside(root, table)).unwrap_or_default();
    let number = id.to_string();
    String::from_utf8_lossy(&table)
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == number).then(|| name.to_owned())
        })
        .unwrap_or(number)
}
