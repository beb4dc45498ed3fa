//! Which distribution an image is of, as its `os-release` says.
//! Which names advisories give to distributions is the advisories' knowledge.

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// `ID`: `debian`, `alpine`, `rocky`.
    pub id: String,
    /// `VERSION_ID`; empty for those that roll.
    pub version: String,
}

impl Distribution {
    /// Reads `os-release`: lines of `KEY=VALUE` as a shell would read them (os-release(5)).
    pub fn of_os_release(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.trim().split_once('='));
            let value = lines.rfind(|(name, _)| *name == key)?.1.trim();
            Some(value.trim_matches(['"', '\'']).to_owned())
        };
        let id = value("ID").filter(|id| !id.is_empty())?;
        Some(Self { id, version: value("VERSION_ID").unwrap_or_default() })
    }

    /// Both in one word, as package URLs have them.
    pub fn label(&self) -> String {
        if self.version.is_empty() {
            self.id.clone()
        } else {
            format!("{}-{}", self.id, self.version)
        }
    }

    /// The distribution of such a word. The version begins at the first digit behind a hyphen: `opensuse-leap-15.6`.
    pub fn of_label(label: &str) -> Option<Self> {
        let cut = label
            .match_indices('-')
            .find(|(at, _)| label[at + 1..].starts_with(|letter: char| letter.is_ascii_digit()));
        let (id, version) = cut.map_or((label, ""), |(at, _)| (&label[..at], &label[at + 1..]));
        (!id.is_empty()).then(|| Self { id: id.to_owned(), version: version.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    #[test]
    fn os_release_is_read_as_a_shell_reads_it() {
        let read = |text: &str| Distribution::of_os_release(text.as_bytes()).map(|it| it.label());
        assert_eq!(read("NAME=x\nID=debian\nVERSION_ID=\"12\"\n").unwrap(), "debian-12");
        assert_eq!(read("ID='rocky'\nVERSION_ID=\"9.3\"").unwrap(), "rocky-9.3");
        assert_eq!(read("ID=wolfi\n").unwrap(), "wolfi");
        assert!(read("NAME=x\nVERSION_ID=1").is_none());
        assert!(read("ID=").is_none());
        let leap = Distribution::of_label("opensuse-leap-15.6").unwrap();
        assert_eq!((leap.id.as_str(), leap.version.as_str()), ("opensuse-leap", "15.6"));
    }
}
