use super::{FixFault, fix};
use crate::checks;
use proptest::prelude::*;

fn fixed(text: &str, decided: &[&'static str]) -> Result<Option<String>, FixFault> {
    let checks: Vec<_> = checks::all().collect();
    Ok(fix(text, &checks, decided)?.map(|fixed| fixed.text))
}

const DEPLOYMENT: &str = "\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:   # one
      - name: app   # the app
        image: 'app:1.0'

        # keep this
        ports:
        - containerPort: 80
      - image: side:1
        securityContext:
          runAsUser: 10001 # nobody
        name: side
";

#[test]
fn only_what_is_needed_is_added_and_everything_else_stays() {
    let expected = "\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:   # one
      - name: app   # the app
        image: 'app:1.0'

        # keep this
        ports:
        - containerPort: 80
        securityContext:
          allowPrivilegeEscalation: false
      - image: side:1
        securityContext:
          runAsUser: 10001 # nobody
          allowPrivilegeEscalation: false
        name: side
      securityContext:
        seccompProfile:
          type: RuntimeDefault
";
    assert_eq!(fixed(DEPLOYMENT, &[]).unwrap().unwrap(), expected);
    assert_eq!(fixed(expected, &[]).unwrap(), None);
}

#[test]
fn what_needs_a_decision_is_changed_only_by_name() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: s}\nspec:\n  hostPID: true # why?\n  securityContext: {seccompProfile: {type: RuntimeDefault}}\n  containers:\n  - name: a\n    image: a:1\n    securityContext:\n      allowPrivilegeEscalation: false\n";
    assert_eq!(fixed(text, &[]).unwrap(), None);
    let expected = text.replace("hostPID: true", "hostPID: false");
    assert_eq!(fixed(text, &["host-pid"]).unwrap().unwrap(), expected);
    let dropped = fixed(text, &["capability-drop-all"]).unwrap().unwrap();
    assert_eq!(dropped, format!("{text}      capabilities:\n        drop: [\"ALL\"]\n"));
}

#[test]
fn json_flow_crlf_and_empty_values_are_edited_in_their_own_style() {
    let json = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}, \"spec\": {\n  \"containers\": [\n    {\"name\": \"a\", \"image\": \"a:1\"}\n  ]\n}}\n";
    let changed = fixed(json, &[]).unwrap().unwrap();
    assert!(
        changed.contains(
            "\"image\": \"a:1\", \"securityContext\": {\"allowPrivilegeEscalation\": false}}"
        ),
        "{changed}"
    );
    assert!(changed.contains("\"seccompProfile\": {\"type\": \"RuntimeDefault\"}"), "{changed}");

    let flow = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: 'a:1', securityContext: {}}]}\n";
    let changed = fixed(flow, &[]).unwrap().unwrap();
    assert!(changed.contains("securityContext: {allowPrivilegeEscalation: false}}]"), "{changed}");

    let crlf = "apiVersion: v1\r\nkind: Pod\r\nmetadata: {name: p}\r\nspec:\r\n  containers:\r\n  - name: a\r\n    image: a:1\r\n";
    let changed = fixed(crlf, &[]).unwrap().unwrap();
    assert!(!changed.replace("\r\n", "").contains('\n'), "{changed:?}");

    for empty in [
        "securityContext:",
        "securityContext: ~",
        "securityContext: null",
        "securityContext: # nothing",
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: a\n    {empty}\n    image: a:1\n"
        );
        let changed = fixed(&text, &[]).unwrap().unwrap();
        assert!(
            changed.contains("securityContext: {allowPrivilegeEscalation: false}"),
            "{changed}"
        );
    }
}

#[test]
fn what_cannot_be_proved_is_left_alone() {
    // Two fields are one text: a change of the one would be a change of the other.
    let anchored = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: a, image: 'a:1', securityContext: &s {runAsUser: 1}}\n  extra: *s\n";
    assert!(
        matches!(fixed(anchored, &[]), Err(FixFault::Unproved(_))),
        "{:?}",
        fixed(anchored, &[])
    );
    // The API refuses this setting beside a privileged container.
    let privileged = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  securityContext: {seccompProfile: {type: RuntimeDefault}}\n  containers:\n  - name: a\n    image: a:1\n    securityContext: {privileged: true}\n";
    assert_eq!(fixed(privileged, &[]).unwrap(), None);
    assert_eq!(fixed("a: [1\n", &[]), Err(FixFault::Unreadable));
}

#[test]
fn documents_and_items_of_lists_are_fixed_where_they_stand() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: p}\n  spec:\n    containers:\n    - name: a\n      image: a:1\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n";
    let changed = fixed(text, &[]).unwrap().unwrap();
    assert!(
        changed.contains(
            "      image: a:1\n      securityContext:\n        allowPrivilegeEscalation: false\n"
        ),
        "{changed}"
    );
    assert!(changed.ends_with("---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n"));
}

proptest! {
    /// Whatever the shape, a fix is proved or refused, and lines that were there stay in their order.
    #[test]
    fn lines_stay_in_their_order(
        comment in any::<bool>(), blank in any::<bool>(), flow in any::<bool>(), block in any::<bool>(), last in any::<bool>(),
    ) {
        let mut text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n".to_owned();
        if comment { text.push_str("    # a comment\n"); }
        if flow { text.push_str("    resources: {limits: {cpu: 1}}\n"); }
        if block { text.push_str("    args:\n    - |\n      echo one\n      # no comment\n\n"); }
        if blank { text.push('\n'); }
        text.push_str("    image: a:1");
        if last { text.push_str("\n  restartPolicy: Never"); }
        let changed = fixed(&text, &[]).unwrap().unwrap();
        let mut lines = changed.lines();
        for line in text.lines() {
            prop_assert!(lines.any(|new| new == line), "{line:?} is missing in {changed}");
        }
    }
}
