//! Advisories as OSV publishes them (ossf.github.io/osv-schema), taken apart by package.
//! Where the files come from, and what is kept of them on a disk, is not known here.
//!
//! Hostile input: a file is read as the schema says or refused whole; what is kept of a text is bounded.

use crate::{Advisory, Range, Rating, cvss};
use serde::Deserialize;
use serde_json::Value;

/// What is kept of a summary: a line.
const SUMMARY_CHARS_MAX: usize = 160;
/// Other ids that are kept; an advisory has one or two.
const ALIASES_MAX: usize = 8;

/// Why a file is no advisory.
#[derive(Debug, thiserror::Error)]
pub enum OsvFault {
    /// It does not follow the schema.
    #[error("this is no advisory of OSV")]
    Json(#[from] serde_json::Error),
}

#[derive(Debug, Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    upstream: Vec<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    severity: Vec<Severity>,
    #[serde(default)]
    affected: Vec<Affected>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Debug, Deserialize)]
struct Severity {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Debug, Deserialize)]
struct Affected {
    #[serde(default)]
    package: Option<Package>,
    #[serde(default)]
    severity: Vec<Severity>,
    #[serde(default)]
    ranges: Vec<Ranges>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    ecosystem_specific: Value,
}

#[derive(Debug, Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Ranges {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Default, Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// Reads a file: what it says of each package, by the package's ecosystem. A withdrawn advisory says nothing.
pub fn read(text: &[u8]) -> Result<Vec<(String, Advisory)>, OsvFault> {
    let record: Record = serde_json::from_slice(text)?;
    if record.withdrawn.is_some() {
        return Ok(Vec::new());
    }
    let mut aliases = record.aliases;
    aliases.extend(record.upstream);
    aliases.truncate(ALIASES_MAX);
    let summary: String =
        record.summary.lines().next().unwrap_or_default().chars().take(SUMMARY_CHARS_MAX).collect();
    let mut found = Vec::new();
    for affected in record.affected {
        let Some(mut package) = affected.package else { continue };
        // Publishers write Python's names as people do; a package is looked up as indexes write them.
        if package.ecosystem == "PyPI" {
            package.name = inventory::pypi::normal(&package.name);
        }
        let rating = rating(&affected.severity)
            .or_else(|| rating(&record.severity))
            .or_else(|| word(&affected.ecosystem_specific["severity"]))
            .or_else(|| word(&affected.ecosystem_specific["urgency"]))
            .or_else(|| word(&record.database_specific["severity"]))
            .unwrap_or(Rating::Unrated);
        let ranges: Vec<Range> = affected
            .ranges
            .iter()
            .filter(|ranges| matches!(ranges.kind.as_str(), "SEMVER" | "ECOSYSTEM"))
            .flat_map(|ranges| of_events(&ranges.events))
            .collect();
        // Where there is a range, the list beside it says the same one by one.
        let versions = if ranges.is_empty() { affected.versions } else { Vec::new() };
        found.push((
            package.ecosystem,
            Advisory {
                package: package.name,
                id: record.id.clone(),
                aliases: aliases.clone(),
                rating,
                summary: summary.clone(),
                ranges,
                versions,
            },
        ));
    }
    Ok(found)
}

/// Each introduction with the end that stands behind it. The schema has them in the order of versions.
fn of_events(events: &[Event]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    let mut is_open = false;
    for event in events {
        if let Some(introduced) = &event.introduced {
            ranges.push(Range { introduced: introduced.clone(), fixed: None, last_affected: None });
            is_open = true;
        }
        let Some(range) = ranges.last_mut().filter(|_| is_open) else { continue };
        if let Some(fixed) = &event.fixed {
            range.fixed = Some(fixed.clone());
            is_open = false;
        } else if let Some(last) = &event.last_affected {
            range.last_affected = Some(last.clone());
            is_open = false;
        }
    }
    ranges
}

/// The worst of what is said.
fn rating(severities: &[Severity]) -> Option<Rating> {
    severities
        .iter()
        .filter_map(|severity| match severity.kind.as_str() {
            "CVSS_V3" => cvss::rating(&severity.score),
            _ => word(&Value::String(severity.score.clone())),
        })
        .max()
}

/// The words of GitHub, Debian, Ubuntu and Red Hat.
fn word(value: &Value) -> Option<Rating> {
    match value.as_str()?.to_ascii_lowercase().as_str() {
        "critical" => Some(Rating::Critical),
        "high" | "important" => Some(Rating::High),
        "moderate" | "medium" => Some(Rating::Medium),
        "low" | "negligible" | "unimportant" => Some(Rating::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::{Range, Rating};

    #[test]
    fn an_advisory_is_taken_apart_by_package() {
        let found = read(
            br#"{"id":"GHSA-x","aliases":["CVE-2024-1"],"summary":"one\ntwo","modified":"2024-01-01T00:00:00Z",
            "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
            "affected":[
              {"package":{"ecosystem":"npm","name":"left"},"versions":["1.0.0"],
               "ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"},{"introduced":"2.0.0"},{"last_affected":"2.1.0"}]},
                         {"type":"GIT","repo":"x","events":[{"introduced":"0"}]}]},
              {"package":{"ecosystem":"Debian:12","name":"right"},"versions":["1-1"],"ecosystem_specific":{"urgency":"low"}}]}"#,
        )
        .unwrap();
        let (ecosystem, npm) = &found[0];
        assert_eq!(
            (ecosystem.as_str(), npm.rating, npm.summary.as_str()),
            ("npm", Rating::Critical, "one")
        );
        let range = |introduced: &str, fixed: Option<&str>, last: Option<&str>| Range {
            introduced: introduced.to_owned(),
            fixed: fixed.map(str::to_owned),
            last_affected: last.map(str::to_owned),
        };
        assert_eq!(
            npm.ranges,
            [range("0", Some("1.2.0"), None), range("2.0.0", None, Some("2.1.0"))]
        );
        assert!(npm.versions.is_empty());
        assert_eq!(found[1].1.versions, ["1-1"]);
    }

    #[test]
    fn a_name_of_python_is_the_one_of_indexes() {
        let text = br#"{"id":"x","affected":[{"package":{"ecosystem":"PyPI","name":"Ruamel.YAML"},"versions":["1"]}]}"#;
        assert_eq!(read(text).unwrap()[0].1.package, "ruamel-yaml");
    }

    #[test]
    fn a_withdrawn_one_says_nothing_and_another_text_is_refused() {
        assert!(read(br#"{"id":"x","withdrawn":"2024-01-01T00:00:00Z"}"#).unwrap().is_empty());
        assert!(read(b"{}").is_err());
        assert!(read(b"[]").is_err());
    }
}
