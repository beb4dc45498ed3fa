//! Fuzz targets of user names, quantities, and of Pods and events as a cluster tells them. Compiled for tests and for
//! fuzzing alone.

use crate::naming::{NAME_MAX, checked_name, namespace_of, owner_hash, pod_of};
use crate::quantity::Quantity;
use crate::steps::{self, STEPS_MAX, story};
use k8s_openapi::api::core::v1::{Event, Pod};
use model::WorkspaceId;
use store::WorkspaceRow;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("workspaces_naming", naming),
    ("workspaces_quantity", quantity),
    ("workspaces_story", story_of_pod),
];

/// Any user name has a namespace, always the same; any checked name a Pod.
pub fn naming(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let namespace = namespace_of(&text);
    assert!(namespace.as_str().starts_with("ws-") && namespace.as_str().len() <= 40);
    assert!(namespace.as_str().ends_with(&owner_hash(&text)));
    if let Ok(name) = checked_name(&text) {
        assert!(name == text && name.len() <= NAME_MAX);
        let pod = pod_of(name, &WorkspaceId::from_random([7; 16]));
        assert!(pod.as_str().starts_with(name) && pod.as_str().len() <= NAME_MAX + 7);
    }
}

/// A quantity that is taken is written as one that means the same, and sums never wrap.
pub fn quantity(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(quantity) = Quantity::parse(&text) else { return };
    let written = quantity.to_string();
    assert_eq!(Quantity::parse(&written), Some(quantity), "{text:?} became {written}");
    assert!(quantity.times(u32::MAX) >= quantity && quantity.times(1) == quantity);
}

/// Whatever a cluster tells, the story is bounded, in order and clean.
pub fn story_of_pod(data: &[u8]) {
    #[derive(serde::Deserialize)]
    struct Told {
        pod: Option<Pod>,
        #[serde(default)]
        events: Vec<Event>,
    }
    let Ok(told) = serde_json::from_slice::<Told>(data) else { return };
    let Some(row) = row() else { return };
    let (_, steps) = story(&row, told.pod.as_ref(), &told.events);
    assert!(!steps.is_empty() && steps.len() <= STEPS_MAX);
    for step in &steps {
        for text in [&step.message.en, &step.message.ko, &step.detail] {
            assert!(!text.chars().any(char::is_control), "{text:?}");
            assert!(text.chars().count() <= 600, "{text}");
        }
    }
    let seconds = |at: model::Timestamp| at.as_micros() / 1_000_000;
    assert!(steps.is_sorted_by_key(|step| seconds(step.at)));
    if let Some(pod) = &told.pod {
        if let Some(note) = steps::end_of(&row, pod) {
            assert!(!note.chars().any(char::is_control) && note.chars().count() <= 600, "{note:?}");
        }
        let _ = steps::ended_at(&row, pod);
    }
}

fn row() -> Option<WorkspaceRow> {
    Some(WorkspaceRow {
        id: WorkspaceId::from_random([7; 16]),
        owner: "sallyport:alice".to_owned(),
        cluster: "demo".parse().ok()?,
        namespace: "ws-alice-x".parse().ok()?,
        pod: "debian-abc".parse().ok()?,
        pod_uid: Some("uid-1".parse().ok()?),
        container: "shell".parse().ok()?,
        template: "debian".to_owned(),
        name: "debian".to_owned(),
        created_at: "2026-01-01T00:00:00.5Z".parse().ok()?,
        expires_at: "2026-01-01T08:00:00Z".parse().ok()?,
        deleted_at: None,
        state_note: String::new(),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
