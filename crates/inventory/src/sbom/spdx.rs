//! SPDX 2.3 in JSON (spdx.github.io/spdx-spec/v2.3).
//! What a package URL means is `package`'s.

use super::{Subject, by_url, distribution_of, take, uuid};
use crate::packages::Inventory;
use serde_json::{Value, json};

const SUBJECT: &str = "SPDXRef-Image";

pub(super) fn write(inventory: &Inventory, subject: &Subject<'_>) -> Value {
    let none = "NOASSERTION";
    let mut packages = vec![json!({
        "SPDXID": SUBJECT,
        "name": subject.name,
        "versionInfo": subject.digest,
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": none,
        "filesAnalyzed": false,
        "licenseConcluded": none,
        "licenseDeclared": none,
        "copyrightText": none,
    })];
    if let Some(distribution) = &inventory.distribution {
        packages.push(json!({
            "SPDXID": "SPDXRef-Distribution",
            "name": distribution.id,
            "versionInfo": distribution.version,
            "primaryPackagePurpose": "OPERATING-SYSTEM",
            "downloadLocation": none,
            "filesAnalyzed": false,
            "licenseConcluded": none,
            "licenseDeclared": none,
            "copyrightText": none,
        }));
    }
    for (number, (url, (package, paths))) in by_url(inventory).into_iter().enumerate() {
        let mut written = json!({
            "SPDXID": format!("SPDXRef-Package-{number}"),
            "name": package.name,
            "versionInfo": package.version,
            "downloadLocation": none,
            "filesAnalyzed": false,
            "licenseConcluded": none,
            // What packages say of their licences is often no expression of SPDX.
            "licenseDeclared": none,
            "copyrightText": none,
            "sourceInfo": format!("told by {}", paths.join(", ")),
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": url,
            }],
        });
        if let Some(licence) = &package.licence {
            written["licenseComments"] = json!(format!("the package says: {licence}"));
        }
        packages.push(written);
    }
    let relation = |from: &str, kind: &str, to: &Value| json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to});
    let mut relations = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", &json!(SUBJECT))];
    relations.extend(
        packages.iter().skip(1).map(|package| relation(SUBJECT, "CONTAINS", &package["SPDXID"])),
    );
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject.name,
        "documentNamespace": format!("https://sallyport.invalid/spdx/{}", uuid(subject.digest)),
        "creationInfo": {
            "created": subject.time,
            "creators": [format!("Tool: sallyport-{}", subject.tool_version)],
        },
        "packages": packages,
        "relationships": relations,
    })
}

pub(super) fn read(bill: &Value, inventory: &mut Inventory) {
    for package in bill["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str();
        match text("primaryPackagePurpose") {
            Some("OPERATING-SYSTEM") => {
                let found = distribution_of(text("name"), text("versionInfo"));
                inventory.distribution = found.or(inventory.distribution.take());
                continue;
            }
            // What the bill is of, and what is in it beside packages.
            Some("CONTAINER" | "FILE" | "DEVICE" | "FIRMWARE" | "SOURCE") => continue,
            _ => {}
        }
        let references = package["externalRefs"].as_array().into_iter().flatten();
        let url = references
            .filter(|reference| reference["referenceType"] == "purl")
            .find_map(|reference| reference["referenceLocator"].as_str());
        let told = text("sourceInfo").and_then(|told| told.strip_prefix("told by "));
        let place = told.and_then(|told| told.split(", ").next()).or(text("name"));
        take(inventory, url, place.unwrap_or("(unnamed)"));
    }
}
