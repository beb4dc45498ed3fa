//! From file, variables and flags to one configuration, and everything in them that cannot be read, at once.
//! What a value that can be read must be besides is known to `faults`.
//!
//! What cannot be read is left out, with its fault, and the rest is read on: a person mends all of it in one go. A
//! value that stands in for one left out is nobody's wish, so that what is said of such keys later is dropped.

use super::{ClusterConfig, Config, KEYS, Sources};
use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;

/// Variables that are not configuration keys: the file's own name, the language of explanations, and what the cluster
/// recipe uses.
const OTHER_VARIABLES: &[&str] =
    &["SALLYPORT_CONFIG", "SALLYPORT_LANGUAGE", "SALLYPORT_CACHE", "SALLYPORT_STATE"];
const OTHER_PREFIXES: &[&str] = &["SALLYPORT_TEST_", "SALLYPORT_APISERVER_"];

/// A configuration, and what of it could not be read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) config: Config,
    pub(super) faults: Vec<String>,
    /// Keys left out, each as messages write it.
    left_out: Vec<String>,
    /// The file could not be read at all, so that nothing can be said of what is missing.
    is_blind: bool,
    /// The variable or flag that set a key over the file.
    set_by: BTreeMap<String, String>,
}

impl Reading {
    pub(super) fn of(sources: &Sources) -> Self {
        let mut reading = Self::default();
        let mut table = match sources.file.as_deref().map(read).transpose() {
            Ok(table) => table.unwrap_or_default(),
            Err(error) => {
                reading.faults.push(format!("{error:#}"));
                reading.is_blind = true;
                toml::Table::new()
            }
        };
        reading.take_settings(&mut table, sources);
        reading.leave_out_unknown(&mut table);
        let clusters = table.remove("cluster");
        // Each turn leaves one value out, so it ends.
        reading.config = loop {
            match deserialize::<Config>(&toml::Value::Table(table.clone())) {
                Ok(config) => break config,
                Err((path, why)) => {
                    reading.tell(&path, &why);
                    if !remove(&mut table, &path) {
                        break Config::default();
                    }
                }
            }
        };
        match &sources.cluster {
            // It takes the place of all others.
            Some((name, kubeconfig, context)) => match name.parse() {
                Ok(name) => {
                    reading.config.cluster = vec![ClusterConfig {
                        name,
                        kubeconfig: Some(kubeconfig.clone()),
                        context: context.clone(),
                        in_cluster: false,
                        token_review_secret: None,
                    }];
                }
                Err(error) => {
                    let error: model::InvalidName = error;
                    reading.leave_out("[[cluster]]", format!("--cluster-name: {error}"));
                }
            },
            None => reading.take_clusters(clusters),
        }
        reading
    }

    /// Adds faults of what was read, but for those that speak of what was left out.
    pub(super) fn judge(&mut self, faults: Vec<String>) {
        if self.is_blind {
            return;
        }
        let speaks =
            |fault: &String| self.left_out.iter().any(|key| fault.contains(&format!("`{key}`")));
        let more: Vec<String> = faults.into_iter().filter(|fault| !speaks(fault)).collect();
        self.faults.extend(more);
    }

    fn take_settings(&mut self, table: &mut toml::Table, sources: &Sources) {
        for (name, value) in &sources.environment {
            let is_other = OTHER_VARIABLES.contains(&name.as_str())
                || OTHER_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if is_other {
                continue;
            }
            let key = name["SALLYPORT_".len()..].to_ascii_lowercase().replacen("__", ".", 1);
            match set(table, &key, value) {
                Ok(()) => drop(self.set_by.insert(key, format!("variable {name}"))),
                Err(error) => self.faults.push(format!("variable {name}: {error:#}")),
            }
        }
        for (key, value) in &sources.flags {
            match set(table, key, value) {
                Ok(()) => drop(self.set_by.insert(key.clone(), "a flag".to_owned())),
                Err(error) => self.faults.push(format!("flag for `{key}`: {error:#}")),
            }
        }
    }

    /// What no key is called. (A type that refuses unknown fields would tell of the first alone.)
    fn leave_out_unknown(&mut self, table: &mut toml::Table) {
        let known = |key: &str| KEYS.iter().any(|known| known.name == key);
        let is_section = |section: &str| {
            KEYS.iter().any(|known| known.name.split_once('.').is_some_and(|(it, _)| it == section))
        };
        let mut unknown = Vec::new();
        for (section, values) in table.iter_mut() {
            if section == "cluster" {
                continue;
            }
            if !is_section(section) {
                unknown.push((section.clone(), "section"));
            } else if let Some(values) = values.as_table_mut() {
                values.retain(|key, _| {
                    let key = format!("{section}.{key}");
                    let keep = known(&key);
                    if !keep {
                        unknown.push((key, "key"));
                    }
                    keep
                });
            }
            // What is no table under a section's name is told of when it is read.
        }
        table.retain(|section, _| section == "cluster" || is_section(section));
        for (key, what) in unknown {
            let fault = format!(
                "there is no configuration {what} `{}`; `sallyport config explain` lists all keys",
                key.escape_debug()
            );
            self.leave_out(&key, fault);
        }
    }

    fn take_clusters(&mut self, written: Option<toml::Value>) {
        let entries = match written {
            None => return,
            Some(toml::Value::Array(entries)) => entries,
            Some(_) => {
                self.leave_out(
                    "[[cluster]]",
                    "`cluster` is no list; begin each with [[cluster]]".to_owned(),
                );
                return;
            }
        };
        for (index, entry) in entries.into_iter().enumerate() {
            match deserialize::<ClusterConfig>(&entry) {
                Ok(cluster) => self.config.cluster.push(cluster),
                Err(first) => self.tell_of_cluster(index, entry, first),
            }
        }
    }

    /// Everything that is wrong with one `[[cluster]]`, which then is none.
    fn tell_of_cluster(&mut self, index: usize, mut entry: toml::Value, first: (String, String)) {
        self.left_out.push("[[cluster]]".to_owned());
        let mut next = Some(first);
        while let Some((path, why)) = next.take() {
            let place = if path == "." { String::new() } else { format!(".{path}") };
            self.faults.push(format!(
                "configuration key `cluster[{index}]{place}`: {why}; a cluster has `name`, and `kubeconfig` \
                 with `context`, or `in_cluster = true`"
            ));
            let Some(table) = entry.as_table_mut() else { return };
            // In place of a name that cannot be read, so that the rest is read on.
            let nameless = || toml::Value::from("unnamed");
            let goes_on = match path.as_str() {
                "." => table.insert("name".to_owned(), nameless()).is_none(),
                "name" => table.insert("name".to_owned(), nameless()) != Some(nameless()),
                _ => table.remove(&path).is_some(),
            };
            if !goes_on {
                return;
            }
            next = deserialize::<ClusterConfig>(&entry).err();
        }
    }

    fn tell(&mut self, path: &str, why: &str) {
        let fix = match KEYS.iter().find(|known| known.name == path && known.is_list()) {
            Some(list) => format!("write a list, as in {}", list.example()),
            None => "`sallyport config explain` lists all keys".to_owned(),
        };
        let key = path.split_once('[').map_or(path, |(list, _)| list);
        let by = self.set_by.get(key).map(|by| format!(" ({by})")).unwrap_or_default();
        self.leave_out(key, format!("configuration key `{path}`{by}: {why}; {fix}"));
    }

    fn leave_out(&mut self, key: &str, fault: String) {
        self.left_out.push(key.to_owned());
        self.faults.push(fault);
    }
}

/// A value, or the path and the reason of the first that cannot be read.
fn deserialize<T: DeserializeOwned>(value: &toml::Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(value.clone()).map_err(|error| {
        let path = error.path().to_string();
        (path, error.into_inner().to_string().trim_end().to_owned())
    })
}

/// Removes `section.key`, or a section. An element of a list takes the list with it.
fn remove(table: &mut toml::Table, path: &str) -> bool {
    match path.split_once('.') {
        None => table.remove(path).is_some(),
        Some((section, key)) => {
            let key = key.split_once('[').map_or(key, |(list, _)| list);
            let values = table.get_mut(section).and_then(toml::Value::as_table_mut);
            values.is_some_and(|values| values.remove(key).is_some())
        }
    }
}

fn read(path: &Path) -> anyhow::Result<toml::Table> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("configuration file {} cannot be read", path.display()))?;
    text.parse().with_context(|| format!("configuration file {} is not TOML", path.display()))
}

/// Sets `section.key`. The value is TOML where it reads as such, else a string.
fn set(table: &mut toml::Table, key: &str, value: &str) -> anyhow::Result<()> {
    let Some((section, name)) = key.split_once('.') else {
        bail!("`{key}` is not of the form section.key");
    };
    let Some(known) = KEYS.iter().find(|known| known.name == key) else {
        bail!("there is no configuration key `{key}`; `sallyport config explain` lists all keys");
    };
    let parsed = format!("v = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut table| table.remove("v"))
        .filter(|parsed| !known.is_text || parsed.is_str());
    let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let section = table
        .entry(section)
        .or_insert_with(|| toml::Value::Table(toml::Table::new()))
        .as_table_mut()
        .with_context(|| format!("`{section}` is not a section"))?;
    section.insert(name.to_owned(), value);
    Ok(())
}
