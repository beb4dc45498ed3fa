//! Advisories as OSV publishes them (ossf.github.io/osv-schema), taken apart by package.
//! Where the files come from, and what is kept of them on a disk, is not known here.
//!
//! A version is affected if it is listed or lies in a range (the schema's "Evaluation"). Events count in the order of their
//! versions and not in that of the file; where a version among them is none of its ecosystem's, the file's order is all
//! that there is, and every introduction is kept.
//!
//! Hostile input: a file is read as the schema says or refused whole; what is kept of a text is bounded; versions that have
//! no order are never sorted.

use crate::matching::{kind_of, within};
use crate::version::compare;
use crate::{Advisory, Range, Rating, cvss};
use inventory::Kind;
use serde::Deserialize;
use serde_json::Value;
use std::cmp::Ordering;

/// What is kept of a summary: a line.
const SUMMARY_CHARS_MAX: usize = 160;
/// Other ids that are kept; an advisory has one or two.
const ALIASES_MAX: usize = 8;

/// Comparisons that are spent on leaving out listed versions which a range has as well: the longest lists have some ten
/// thousand versions beside some ten ranges.
const COMPARISONS_MAX: usize = 1_000_000;

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
            .flat_map(|ranges| of_events(kind_of(&package.ecosystem), &ranges.events))
            .collect();
        let versions = besides(kind_of(&package.ecosystem), &ranges, affected.versions);
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

/// The listed versions that no range has: most lists say one by one what the range beside them says, and whoever asks
/// looks at both.
fn besides(kind: Option<Kind>, ranges: &[Range], mut versions: Vec<String>) -> Vec<String> {
    if let Some(kind) = kind
        && versions.len().saturating_mul(ranges.len()) <= COMPARISONS_MAX
    {
        versions.retain(|version| {
            !ranges.iter().any(|range| within(kind, range, version) == Some(true))
        });
    }
    versions
}

/// The events by their versions; none, if one of them has none that can be compared.
fn sorted(kind: Kind, events: &[Event]) -> Option<Vec<&Event>> {
    fn version(event: &Event) -> Option<&str> {
        let own = event.introduced.as_ref().or(event.fixed.as_ref());
        own.or(event.last_affected.as_ref()).map(String::as_str)
    }
    // `0` is before all, whatever the ecosystem.
    let order = |one: &str, two: &str| match (one, two) {
        ("0", "0") => Some(Ordering::Equal),
        ("0", _) => Some(Ordering::Less),
        (_, "0") => Some(Ordering::Greater),
        _ => compare(kind, one, two),
    };
    let mut sorted: Vec<&Event> = Vec::with_capacity(events.len());
    for event in events {
        // `limit` is about commits.
        let Some(own) = version(event) else { continue };
        order(own, own)?;
        // Put in one by one: a comparison that contradicts itself may upset a library's sort. Equal ones stay as they were.
        let is_before = |other: &&Event| {
            version(other).and_then(|other| order(other, own)) != Some(Ordering::Greater)
        };
        sorted.insert(sorted.partition_point(is_before), event);
    }
    Some(sorted)
}

/// Each introduction with the end that stands behind it.
fn of_events(kind: Option<Kind>, events: &[Event]) -> Vec<Range> {
    let in_order = kind.and_then(|kind| sorted(kind, events));
    let is_sorted = in_order.is_some();
    let mut ranges: Vec<Range> = Vec::new();
    let mut is_open = false;
    for event in in_order.unwrap_or_else(|| events.iter().collect()) {
        // What is open already is introduced once more by nothing.
        if let Some(introduced) = event.introduced.as_ref().filter(|_| !(is_sorted && is_open)) {
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
    use crate::matching::Index;
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
    fn events_count_by_their_versions_and_not_by_their_places() {
        let ranges = |ecosystem: &str, events: &str| {
            let text = format!(
                r#"{{"id":"x","affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"a"}},
                "ranges":[{{"type":"ECOSYSTEM","events":[{events}]}}]}}]}}"#
            );
            let found = read(text.as_bytes()).unwrap().remove(0).1.ranges;
            let told = found.into_iter().map(|it| (it.introduced, it.fixed.or(it.last_affected)));
            let told: Vec<_> = told.collect();
            told.iter()
                .map(|(from, to)| format!("{from}..{}", to.as_deref().unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        let event = |kind: &str, version: &str| format!(r#"{{"{kind}":"{version}"}}"#);
        let (introduced, fixed) = (|it| event("introduced", it), |it| event("fixed", it));
        // Its end before its introduction, and both introductions before both ends.
        let turned = [fixed("1.10.0"), introduced("0"), fixed("2.5.0"), introduced("2.0.0")];
        for ecosystem in ["npm", "PyPI", "Debian:12", "Rocky Linux:9", "Maven"] {
            assert_eq!(ranges(ecosystem, &turned.join(",")), ["0..1.10.0", "2.0.0..2.5.0"]);
        }
        let grouped = [introduced("2.0.0"), introduced("0"), fixed("2.5.0"), fixed("1.9.0")];
        assert_eq!(ranges("npm", &grouped.join(",")), ["0..1.9.0", "2.0.0..2.5.0"]);
        // One that is open is not opened again, nor ended by what was introduced within.
        let twice = [introduced("0"), introduced("1.0.0"), event("last_affected", "2.0.0")];
        assert_eq!(ranges("npm", &twice.join(",")), ["0..2.0.0"]);
        let touching = [introduced("0"), fixed("1.0.0"), introduced("1.0.0"), fixed("2.0.0")];
        assert_eq!(ranges("npm", &touching.join(",")), ["0..1.0.0", "1.0.0..2.0.0"]);
        // Without an order every introduction is kept.
        for (ecosystem, odd) in [("npm", "odd"), ("Nobody", "2.0.0")] {
            let events = [introduced("0"), introduced(odd), fixed("1.0.0"), fixed("3.0.0")];
            assert_eq!(
                ranges(ecosystem, &events.join(",")),
                ["0..".to_owned(), format!("{odd}..1.0.0")]
            );
        }
    }

    #[test]
    fn a_version_is_affected_if_it_is_listed_or_in_a_range() {
        let found = read(
            br#"{"id":"x","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["0.9","1.0","1.5","3.1"],
            "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"1.0"},{"fixed":"2.0"}]}]}]}"#,
        )
        .unwrap();
        assert_eq!(found[0].1.versions, ["0.9", "3.1"], "the others are in the range");
        let index = Index::new(found.into_iter().map(|(_, advisory)| advisory));
        let fixed = |version: &str| {
            let package = inventory::Package::new(inventory::Kind::Pypi, "a", version, "p");
            index.of(&package).vulnerabilities.first().map(|found| found.fixed.clone())
        };
        assert_eq!(fixed("1.7"), Some(Some("2.0".to_owned())));
        assert_eq!((fixed("3.1"), fixed("0.9")), (Some(None), Some(None)));
        assert_eq!((fixed("2.0"), fixed("3.0")), (None, None));
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
