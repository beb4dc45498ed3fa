//! Crates that a Rust program says it was built of, if it was built with `cargo auditable`.
//! How their versions are compared is the advisories' knowledge.
//!
//! Format: section `.dep-v0`, JSON compressed with zlib.
//!
//! Hostile input: it unfolds to a bounded number of bytes; crates that only built the program are left out.

use crate::elf;
use crate::package::{Kind, Package};
use crate::packages::Unreadable;
use serde::Deserialize;
use std::io::Read;

/// Some hundred bytes for each of some thousand crates; the format's own reader takes as many.
pub const UNFOLDED_BYTES_MAX: u64 = 8 * 1024 * 1024;

#[derive(Debug, Deserialize)]
struct Audit {
    packages: Vec<Crate>,
}

#[derive(Debug, Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    root: bool,
}

/// The crates, and how many bytes were unfolded for them; none, if the program says nothing of crates.
pub fn packages(path: &str, file: &[u8]) -> Result<(Vec<Package>, u64), Unreadable> {
    const DAMAGED: Unreadable = Unreadable("the list of crates in the program is damaged");
    let Some(section) = elf::section(file, ".dep-v0") else { return Ok((Vec::new(), 0)) };
    let mut text = Vec::new();
    let mut unfolded = flate2::read::ZlibDecoder::new(section).take(UNFOLDED_BYTES_MAX);
    unfolded.read_to_end(&mut text).map_err(|_| DAMAGED)?;
    let audit: Audit = serde_json::from_slice(&text).map_err(|_| DAMAGED)?;
    let built_in = audit.packages.into_iter().filter(|it| it.kind.as_deref() != Some("build"));
    // The program itself is no crate of the registry, as a rule.
    let others = built_in.filter(|it| !it.root);
    let crates = others.map(|it| Package::new(Kind::Cargo, &it.name, &it.version, path)).collect();
    Ok((crates, text.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::packages;
    use std::io::Write;

    /// The least ELF that has this section.
    fn program(content: &[u8]) -> Vec<u8> {
        let names = b"\0.shstrtab\0.dep-v0\0";
        let mut file = vec![0_u8; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let mut put = |bytes: &[u8]| {
            let at = file.len() as u64;
            file.extend_from_slice(bytes);
            (at, bytes.len() as u64)
        };
        let sections = [(1_u32, put(names)), (11, put(content))];
        let table = file.len() as u64;
        file.extend([0; 64]);
        for (name, (at, length)) in sections {
            let mut header = vec![0_u8; 64];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[24..32].copy_from_slice(&at.to_le_bytes());
            header[32..40].copy_from_slice(&length.to_le_bytes());
            file.extend(header);
        }
        file[40..48].copy_from_slice(&table.to_le_bytes());
        file[58..64].copy_from_slice(&[64, 0, 3, 0, 1, 0]);
        file
    }

    fn zlib(text: &str) -> Vec<u8> {
        let mut writer =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn crates_of_the_program_are_told_and_those_of_its_building_are_not() {
        let file = program(&zlib(
            r#"{"packages":[{"name":"app","version":"0.1.0","source":"local","root":true},
            {"name":"serde","version":"1.0.2","source":"crates.io"},
            {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"}]}"#,
        ));
        let (told, _) = packages("app", &file).unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].name.as_str(), told[0].version.as_str()), ("serde", "1.0.2"));
    }

    #[test]
    fn a_damaged_list_is_told_and_none_is_none() {
        assert!(packages("app", &program(b"no zlib")).is_err());
        assert!(packages("app", &program(&zlib("[]"))).is_err());
        assert!(packages("app", b"\x7fELF").unwrap().0.is_empty());
    }
}
