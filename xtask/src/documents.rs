//! Checks the documents against the tree and against each other.
//! Whether a sentence is true, or good, is for people to say.

use anyhow::{Context, bail};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Checks everything and tells all faults at once.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    let documents = documents(root)?;
    for document in &documents {
        let text = read(document)?;
        dead_links(root, document, &text, &mut faults);
    }
    counterparts(root, &mut faults)?;
    unnamed_crates(root, &mut faults)?;
    let mut out = std::io::stdout();
    for fault in &faults {
        writeln!(out, "{fault}")?;
    }
    if !faults.is_empty() {
        bail!("{} faults in {} documents", faults.len(), documents.len());
    }
    writeln!(out, "{} documents are sound", documents.len())?;
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The root's documents, and all below `docs` and beside the recipes.
fn documents(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/ko", "cluster"] {
        for entry in fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Relative links and pictures whose target is not there.
fn dead_links(root: &Path, document: &Path, text: &str, faults: &mut Vec<String>) {
    let folder = document.parent().unwrap_or(root);
    for target in targets(text) {
        let path = target.split('#').next().unwrap_or_default();
        let leads_out = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
        if !leads_out && !folder.join(path).exists() {
            faults.push(format!("{}: `{target}` leads nowhere", shown(root, document)));
        }
    }
}

/// What stands in `](…)`, outside code.
fn targets(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (in_code, line) in lines(text) {
        if in_code {
            continue;
        }
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else { break };
            found.push(target);
            rest = after;
        }
    }
    found
}

/// Each line, and whether it belongs to a fenced block.
fn lines(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut in_code = false;
    text.lines().map(move |line| {
        let fence = line.trim_start().starts_with("```");
        let inside = in_code || fence;
        if fence {
            in_code = !in_code;
        }
        (inside, line)
    })
}

/// Commands and examples must be the same in both languages: only one of them is ever tried out.
fn counterparts(root: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let names = |folder: &str| -> anyhow::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(root.join(folder))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                names.insert(name);
            }
        }
        Ok(names)
    };
    let (english, korean) = (names("docs")?, names("docs/ko")?);
    for name in english.symmetric_difference(&korean) {
        faults.push(format!("docs: `{name}` exists in one language only"));
    }
    for name in english.intersection(&korean) {
        let (en, ko) =
            (read(&root.join("docs").join(name))?, read(&root.join("docs/ko").join(name))?);
        if code(&en) != code(&ko) {
            faults.push(format!(
                "docs/ko/{name}: its commands or examples differ from the English ones"
            ));
        }
        if headings(&en) != headings(&ko) {
            faults.push(format!(
                "docs/ko/{name}: its headings differ in number or level from the English ones"
            ));
        }
    }
    Ok(())
}

fn code(text: &str) -> Vec<&str> {
    lines(text).filter(|(in_code, _)| *in_code).map(|(_, line)| line).collect()
}

fn headings(text: &str) -> Vec<usize> {
    lines(text)
        .filter(|(in_code, line)| !in_code && line.starts_with('#'))
        .map(|(_, line)| line.len() - line.trim_start_matches('#').len())
        .collect()
}

/// The map that does not name a room is wrong.
fn unnamed_crates(root: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let map = read(&root.join("ARCHITECTURE.md"))?;
    for entry in fs::read_dir(root.join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !map.contains(&format!("`{name}`")) {
            faults.push(format!("ARCHITECTURE.md does not name the crate `{name}`"));
        }
    }
    Ok(())
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# One\n[a](b.md) and ![c](d.png)\n```sh\n# no heading\n[no](link)\n```\n## Two\n";

    #[test]
    fn links_and_headings_are_found_outside_code_only() {
        assert_eq!(targets(TEXT), ["b.md", "d.png"]);
        assert_eq!(headings(TEXT), [1, 2]);
        assert_eq!(code(TEXT).len(), 4);
    }

    #[test]
    fn a_link_to_nothing_is_a_fault_and_one_to_something_is_not() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut faults = Vec::new();
        dead_links(
            root,
            &root.join("X.md"),
            "[a](Cargo.toml) [b](https://x.y) [c](#z)",
            &mut faults,
        );
        assert_eq!(faults, Vec::<String>::new());
        dead_links(root, &root.join("X.md"), "[a](gone.md)", &mut faults);
        assert_eq!(faults.len(), 1);
    }
}
