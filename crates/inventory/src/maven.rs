//! Packages of Maven in an archive of Java: the `pom.properties` that Maven puts in, also of archives within.
//! How their versions are compared is the advisories' knowledge.
//!
//! Hostile input: archives within archives are opened to a bounded depth, and together to a bounded number of bytes;
//! what cannot be unfolded within it ends the reading. Packages are counted while they are gathered, each once.

use crate::package::{Kind, Package};
use crate::packages::{PACKAGES_MAX, TOO_MANY, Unreadable};
use crate::zip;
use std::collections::BTreeSet;

/// An archive for a server holds programs, which hold libraries.
const DEPTH_MAX: usize = 3;
/// Bytes that are unfolded of one file and all archives in it.
const UNFOLDED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// `pom.properties` has three lines, and a few of comments.
const PROPERTIES_BYTES_MAX: u64 = 4 * 1024;

/// What an archive tells.
#[derive(Debug, Default)]
pub struct Told {
    /// Packages.
    pub packages: BTreeSet<Package>,
    /// Why there may be more.
    pub gap: Option<&'static str>,
    /// Bytes that were unfolded.
    pub unfolded: u64,
}

/// The packages of the archive and of those within.
pub fn packages(path: &str, file: &[u8]) -> Result<Told, Unreadable> {
    packages_within(path, file, UNFOLDED_BYTES_MAX)
}

fn packages_within(path: &str, file: &[u8], bytes_max: u64) -> Result<Told, Unreadable> {
    let (mut told, mut left) = (Told::default(), bytes_max);
    enter(path, file, 0, &mut left, &mut told)?;
    told.unfolded = bytes_max - left;
    Ok(told)
}

fn enter(
    path: &str,
    file: &[u8],
    depth: usize,
    left: &mut u64,
    told: &mut Told,
) -> Result<(), Unreadable> {
    for member in zip::members(file)? {
        let is_properties =
            member.name.starts_with("META-INF/maven/") && member.name.ends_with("/pom.properties");
        let is_archive = member.name.ends_with(".jar") || member.name.ends_with(".war");
        if !is_properties && !is_archive {
            continue;
        }
        if *left == 0 {
            told.gap = Some("the archives unfold to more than a scan reads");
            return Ok(());
        }
        if told.packages.len() >= PACKAGES_MAX {
            told.gap = Some(TOO_MANY);
            return Ok(());
        }
        if is_archive && depth == DEPTH_MAX {
            told.gap = Some("archives lie deeper in each other than a scan looks");
            continue;
        }
        let bytes_max = if is_properties { PROPERTIES_BYTES_MAX } else { *left };
        let read = member.read_of(bytes_max, left);
        let read = read.and_then(|content| {
            if is_properties {
                told.packages.extend(package(path, &String::from_utf8_lossy(&content)));
                return Ok(());
            }
            enter(path, &content, depth + 1, left, told)
        });
        if let Err(unreadable) = read {
            told.gap = Some(unreadable.0);
        }
    }
    Ok(())
}

fn package(path: &str, properties: &str) -> Option<Package> {
    let value = |wanted: &str| {
        let lines = properties.lines().filter_map(|line| line.trim().split_once('='));
        let found = lines.into_iter().find(|(key, _)| key.trim() == wanted);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    };
    let name = format!("{}:{}", value("groupId")?, value("artifactId")?);
    Some(Package::new(Kind::Maven, &name, value("version")?, path))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{packages, packages_within};

    /// A zip whose members are not compressed.
    pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        let le32 = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
        let le16 = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
        for (name, content) in members {
            let local = file.len();
            // Version, flags, method, time, date, checksum (which is not looked at), sizes, name.
            let mut common = vec![0_u8; 14];
            common.extend(le32(content.len()));
            common.extend(le32(content.len()));
            common.extend(le16(name.len()));
            common.extend([0, 0]);
            file.extend(b"PK\x03\x04");
            file.extend(&common);
            file.extend(name.as_bytes());
            file.extend_from_slice(content);
            directory.extend(b"PK\x01\x02\0\0");
            directory.extend(&common);
            directory.extend([0; 10]);
            directory.extend(le32(local));
            directory.extend(name.as_bytes());
        }
        let at = file.len();
        file.extend(&directory);
        file.extend(b"PK\x05\x06\0\0\0\0");
        file.extend(le16(members.len()));
        file.extend(le16(members.len()));
        file.extend(le32(directory.len()));
        file.extend(le32(at));
        file.extend([0, 0]);
        file
    }

    const PROPERTIES: &[u8] = b"#Maven\ngroupId=org.example\nartifactId=lib\nversion=1.2\n";
    const PLACE: &str = "META-INF/maven/org.example/lib/pom.properties";

    #[test]
    fn libraries_within_a_program_are_told() {
        let library = zip(&[(PLACE, PROPERTIES)]);
        let program = zip(&[("BOOT-INF/lib/lib.jar", &library), ("a.class", b"x")]);
        let told = packages("app.jar", &program).unwrap();
        assert_eq!(told.packages.len(), 1);
        assert_eq!(told.packages.first().unwrap().name, "org.example:lib");
        assert!(told.gap.is_none());
    }

    #[test]
    fn what_is_past_a_bound_ends_the_reading_and_is_told() {
        let (other, bytes) = (b"groupId=a\nartifactId=b\nversion=3\n", PROPERTIES.len() as u64);
        let two = zip(&[(PLACE, PROPERTIES), (PLACE, other)]);
        let all = packages_within("app.jar", &two, 1000).unwrap();
        assert_eq!((all.packages.len(), all.gap), (2, None));
        // Neither the second, which does not fit, nor anything behind it.
        for more in [0, 1] {
            let told = packages_within("app.jar", &two, bytes + more).unwrap();
            assert_eq!((told.packages.len(), told.unfolded), (1, bytes + more));
            assert!(told.gap.is_some());
        }
        // Too large for what it is: told, and what stands beside it is read.
        let long = [PROPERTIES, &[b'#'; 5000]].concat();
        let told = packages("app.jar", &zip(&[(PLACE, &long), (PLACE, other)])).unwrap();
        assert_eq!(told.packages.len(), 1);
        assert!(told.gap.is_some());
        let library = zip(&[(PLACE, PROPERTIES)]);
        let twice = zip(&[("a.jar", &library), ("b.jar", &library)]);
        assert_eq!(packages("app.jar", &twice).unwrap().packages.len(), 1);
    }

    #[test]
    fn what_is_too_deep_or_damaged_is_told() {
        let mut nested = zip(&[(PLACE, PROPERTIES)]);
        for _ in 0..5 {
            nested = zip(&[("a.jar", &nested)]);
        }
        let told = packages("app.jar", &nested).unwrap();
        assert!(told.packages.is_empty() && told.gap.is_some());
        let damaged = zip(&[("a.jar", b"no archive")]);
        assert!(packages("app.jar", &damaged).unwrap().gap.is_some());
        assert!(packages("app.jar", b"no archive").is_err());
    }
}
