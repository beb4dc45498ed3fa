//! CycloneDX 1.6 in JSON (cyclonedx.org/docs/1.6/json).
//! What a package URL means is `package`'s.

use super::{DEPTH_MAX, Subject, by_url, distribution_of, take, uuid};
use crate::packages::Inventory;
use serde_json::{Value, json};

pub(super) fn write(inventory: &Inventory, subject: &Subject<'_>) -> Value {
    let mut components: Vec<Value> = by_url(inventory)
        .into_iter()
        .map(|(url, (package, paths))| {
            let (group, name) = match package.name.rsplit_once([':', '/']) {
                Some((group, name)) if !package.kind.is_distribution() => (Some(group), name),
                _ => (None, package.name.as_str()),
            };
            let places: Vec<_> = paths.iter().map(|path| json!({"location": path})).collect();
            let mut component = json!({
                "type": "library",
                "bom-ref": url,
                "name": name,
                "version": package.version,
                "purl": url,
                "evidence": {"occurrences": places},
            });
            if let Some(group) = group {
                component["group"] = json!(group);
            }
            if let Some(licence) = &package.licence {
                component["licenses"] = json!([{"license": {"name": licence}}]);
            }
            component
        })
        .collect();
    if let Some(distribution) = &inventory.distribution {
        components.push(json!({
            "type": "operating-system",
            "bom-ref": "distribution",
            "name": distribution.id,
            "version": distribution.version,
        }));
    }
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(subject.digest)),
        "version": 1,
        "metadata": {
            "timestamp": subject.time,
            "tools": {"components": [
                {"type": "application", "name": "sallyport", "version": subject.tool_version},
            ]},
            "component": {
                "type": "container",
                "bom-ref": "subject",
                "name": subject.name,
                "version": subject.digest,
            },
        },
        "components": components,
    })
}

pub(super) fn read(bill: &Value, inventory: &mut Inventory) {
    components(bill, inventory, 0);
}

fn components(parent: &Value, inventory: &mut Inventory, depth: usize) {
    if depth > DEPTH_MAX {
        return take(inventory, None, "components that lie too deep in each other");
    }
    for component in parent["components"].as_array().into_iter().flatten() {
        let text = |key: &str| component[key].as_str();
        match text("type") {
            Some("operating-system") => {
                let found = distribution_of(text("name"), text("version"));
                inventory.distribution = found.or(inventory.distribution.take());
            }
            // Files, machines and data are no packages.
            Some("library" | "application" | "framework") | None => {
                let place = component["evidence"]["occurrences"][0]["location"].as_str();
                let name = text("name").unwrap_or("(unnamed)");
                take(inventory, text("purl"), place.unwrap_or(name));
            }
            Some(_) => {}
        }
        components(component, inventory, depth + 1);
    }
}
