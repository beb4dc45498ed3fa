use crate::check::{Check, Example};
use crate::scan::{Verdict, scan};
use crate::{checks, document, object};
use std::collections::HashSet;

fn verdicts(check: &'static Check, example: Example) -> Vec<Verdict> {
    let manifest = example.manifest();
    let inventory = object::inventory(0, document::read(manifest.as_bytes()));
    assert!(
        inventory.unreadable.is_empty(),
        "{}: {:?}\n{manifest}",
        check.id,
        inventory.unreadable
    );
    assert!(inventory.left_out.is_empty(), "{}: {:?}\n{manifest}", check.id, inventory.left_out);
    let found = scan(&inventory.objects, &[check]);
    assert!(found.malformed.is_empty(), "{}: {:?}\n{manifest}", check.id, found.malformed);
    found.findings.iter().map(|finding| finding.verdict).collect()
}

#[test]
fn examples_prove_every_check() {
    for check in checks::all() {
        assert!(!check.passes.is_empty(), "{} has no example that passes", check.id);
        assert!(!check.fails.is_empty(), "{} has no example that fails", check.id);
        for example in check.passes {
            let verdicts = verdicts(check, *example);
            let sound = verdicts.contains(&Verdict::Pass) && !verdicts.contains(&Verdict::Fail);
            assert!(sound, "{} should pass: {verdicts:?}\n{}", check.id, example.manifest());
        }
        for example in check.fails {
            let verdicts = verdicts(check, *example);
            assert!(
                verdicts.contains(&Verdict::Fail),
                "{} should fail: {verdicts:?}\n{}",
                check.id,
                example.manifest()
            );
        }
    }
}

#[test]
fn ids_are_unique_and_can_be_said() {
    let mut seen = HashSet::new();
    for check in checks::all() {
        assert!(seen.insert(check.id), "{} is there twice", check.id);
        let plain = check.id.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
        assert!(plain, "{}", check.id);
        assert!(!check.mappings.is_empty(), "{} belongs to no threat", check.id);
    }
}

#[test]
fn a_check_is_found_by_the_rules_of_others() {
    assert_eq!(checks::named("host-pid").len(), 1);
    assert_eq!(checks::named("CKV_K8S_17")[0].id, "host-pid");
    assert_eq!(checks::named("ckv_k8s_17")[0].id, "host-pid");
    assert!(checks::named("CKV_K8S_9999").is_empty());
}
