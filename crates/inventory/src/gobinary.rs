//! Modules that a Go program says it was built of.
//! How module versions are compared is the advisories' knowledge.
//!
//! Format: `debug/buildinfo` of Go: 16 aligned bytes that begin with a magic word; since Go 1.18 two strings follow at
//! byte 32, each with its length: the version of Go, and lines of `path`, `mod`, `dep` and `=>` between two marks.
//!
//! Hostile input: lengths are checked against the file; a program without the words is none of Go's, or older.

use crate::bytes::place;
use crate::package::{Kind, Package};
use crate::packages::PACKAGES_MAX;

const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The mark before the lines, and the one behind them, have as many bytes.
const MARK: usize = 16;

/// The modules, and Go's own library as `stdlib`.
pub fn packages(path: &str, file: &[u8]) -> Vec<Package> {
    // The words also stand in Go's own tools, as the constant that they look for; no lengths follow there.
    let aligned = file.chunks_exact(16).enumerate().filter(|(_, chunk)| chunk.starts_with(MAGIC));
    aligned
        .filter_map(|(chunk, _)| strings(file, chunk * 16))
        .map(|(version, modules)| told(path, version, modules))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn strings(file: &[u8], at: usize) -> Option<(&str, &[u8])> {
    // The second flag says that the strings stand here and not behind pointers.
    (*file.get(at + 15)? & 2 != 0).then_some(())?;
    let (version, behind) = string(file, at + 32)?;
    let (modules, _) = string(file, behind)?;
    Some((std::str::from_utf8(version).ok()?, modules))
}

fn string(file: &[u8], mut at: usize) -> Option<(&[u8], usize)> {
    let mut length = 0_u64;
    for shift in (0..63).step_by(7) {
        let byte = *file.get(at)?;
        at += 1;
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let end = at.checked_add(place(length)?)?;
            return Some((file.get(at..end)?, end));
        }
    }
    None
}

fn told(path: &str, version: &str, modules: &[u8]) -> Vec<Package> {
    let mut found = Vec::new();
    let number = version.strip_prefix("go").and_then(|rest| rest.split_whitespace().next());
    let Some(number) = number else { return found };
    found.push(Package::new(Kind::Go, "stdlib", number, path));
    let inner = modules.get(MARK..modules.len().saturating_sub(MARK)).unwrap_or_default();
    for line in String::from_utf8_lossy(inner).lines() {
        // One more than there may be, so that the caller sees it.
        if found.len() > PACKAGES_MAX {
            break;
        }
        let mut words = line.split('\t');
        let (kind, name, version) = (words.next(), words.next(), words.next());
        let (Some(name), Some(version)) = (name, version) else { continue };
        if name.is_empty() || version.is_empty() {
            continue;
        }
        let package = Package::new(Kind::Go, name, version, path);
        match kind {
            // What was built in a checkout without a tag has no version that could be compared.
            Some("mod" | "dep") if version != "(devel)" => found.push(package),
            // The module before this line was replaced by this one.
            Some("=>") if found.len() > 1 => {
                found.pop();
                found.push(package);
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::packages;

    /// A program as Go's linker lays its words out.
    fn program(version: &str, modules: &str) -> Vec<u8> {
        let mut file = vec![0_u8; 48];
        file[0] = 0x7f;
        file.extend(b"\xff Go buildinf:\x08\x02");
        file.resize(80, 0);
        file.push(u8::try_from(version.len()).unwrap());
        file.extend(version.as_bytes());
        let modules = [&[1; 16], modules.as_bytes(), &[2; 16]].concat();
        let length = modules.len();
        file.extend([
            u8::try_from(length % 128).unwrap() | 0x80,
            u8::try_from(length / 128).unwrap(),
        ]);
        file.extend(modules);
        file
    }

    #[test]
    fn modules_are_told_and_replaced_ones_are_not() {
        let file = program(
            "go1.22.1 X:nothing",
            "path\tcmd\nmod\texample.com/a\t(devel)\t\ndep\tb.example/b\tv1.2.3\th1:x=\ndep\told.example/c\tv0.1.0\n=>\tnew.example/c\tv0.2.0\th1:y=\nbuild\t-tags=x\n",
        );
        let told: Vec<_> = packages("app", &file)
            .into_iter()
            .map(|it| format!("{}@{}", it.name, it.version))
            .collect();
        assert_eq!(told, ["stdlib@1.22.1", "b.example/b@v1.2.3", "new.example/c@v0.2.0"]);
    }

    #[test]
    fn a_program_of_others_and_a_torn_one_tell_nothing() {
        assert!(packages("app", b"\x7fELF of somebody else").is_empty());
        let file = program("go1.22.1", "dep\tb\tv1\n");
        for length in 0..file.len() {
            packages("app", &file[..length]);
        }
        assert!(packages("app", &file[..file.len() - 1]).is_empty());
    }
}
