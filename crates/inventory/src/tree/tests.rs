use super::{LayerFault, Tree};
use crate::tar::tests::member;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn file(path: &str) -> Vec<u8> {
    member(path, b'0', 0o644, "", path.as_bytes())
}

fn tree(layers: &[Vec<Vec<u8>>]) -> Tree {
    let mut tree = Tree::default();
    for layer in layers {
        tree.lay(layer.concat().as_slice()).unwrap();
    }
    tree
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.entries().map(|(path, _)| path).collect()
}

#[test]
fn a_whiteout_takes_away_what_lower_layers_have() {
    let tree = tree(&[
        vec![file("a/one"), file("a/two"), file("b/one"), file("ab")],
        vec![file("a/.wh.one"), file(".wh.b"), file("b/new")],
    ]);
    assert_eq!(paths(&tree), ["a/two", "ab", "b/new"]);
}

#[test]
fn an_opaque_folder_keeps_what_its_own_layer_brings_in_any_order() {
    let lower = vec![file("a/old"), file("a/deep/old"), file("c")];
    for upper in
        [vec![file("a/.wh..wh..opq"), file("a/new")], vec![file("a/new"), file("a/.wh..wh..opq")]]
    {
        assert_eq!(paths(&tree(&[lower.clone(), upper])), ["a/new", "c"]);
    }
}

#[test]
fn what_is_no_folder_any_more_has_nothing_below_it() {
    let tree = tree(&[vec![file("a/b"), file("a/c")], vec![file("a")]]);
    assert_eq!(paths(&tree), ["a"]);
}

#[test]
fn a_folder_that_is_a_link_is_entered_within_the_image() {
    let link = |path, to| member(path, b'2', 0o777, to, b"");
    let tree = tree(&[
        vec![link("lib", "usr/lib"), link("etc/os-release", "../usr/lib/os-release")],
        vec![file("lib/x"), file("usr/lib/os-release"), link("out", "../../../../etc")],
        vec![file("out/passwd")],
    ]);
    assert!(paths(&tree).contains(&"usr/lib/x"));
    assert!(paths(&tree).contains(&"etc/passwd"), "above the root is the root");
    assert_eq!(tree.file("etc/os-release").unwrap().0, "usr/lib/os-release");
}

#[test]
fn names_that_lead_out_and_links_in_a_circle_are_told() {
    let tree = tree(&[vec![
        file("../../etc/passwd"),
        member("a", b'2', 0o777, "b", b""),
        member("b", b'2', 0o777, "a", b""),
        file("a/x"),
        member("hard", b'1', 0o644, "not/there", b""),
    ]]);
    assert_eq!(paths(&tree), ["a", "b"]);
    let told: Vec<_> = tree.gaps().iter().map(|gap| gap.path.as_str()).collect();
    assert_eq!(told, ["../../etc/passwd", "a/x", "hard"]);
}

#[test]
fn what_links_hold_is_bounded_and_so_is_the_way_through_them() {
    let mut tree = Tree::default();
    let header = |flag, text: &str| member("long", flag, 0o644, "", text.as_bytes());
    let link = |path, to| member(path, b'2', 0o777, to, b"");
    let deep = "a/".repeat(200);
    let layer = [
        // More than Linux takes, once for a link and once where no link is.
        [header(b'K', &"x".repeat(5000)), link("too-long", "")].concat(),
        [header(b'K', &"x".repeat(5000)), file("plain")].concat(),
        // Each has fewer parts than a path may have, and both together more.
        [header(b'K', &deep), link("deep", "")].concat(),
        [header(b'L', &format!("deep/{deep}x")), file("x")].concat(),
        [header(b'L', &format!("{}/x", "n".repeat(5000))), file("x")].concat(),
    ]
    .concat();
    tree.lay(layer.as_slice()).unwrap();
    assert_eq!(paths(&tree), ["deep", "plain"]);
    let link_of = |tree: &Tree, path| tree.entries.get(path).unwrap().link.len();
    assert_eq!((link_of(&tree, "deep"), link_of(&tree, "plain")), (400, 0));
    assert_eq!(tree.gaps().len(), 3, "{:?}", tree.gaps());
    assert!(tree.gaps().iter().all(|gap| gap.path.len() <= super::PATH_BYTES_MAX));
}

#[test]
fn names_are_bounded_together() {
    let mut tree = Tree { names: super::NAMES_BYTES_MAX - 10, ..Tree::default() };
    tree.lay([file("12345"), file(".wh.12345")].concat().as_slice()).unwrap();
    assert!(matches!(tree.lay(file("1").as_slice()), Err(LayerFault::Names)));
    let mut tree = Tree { names: super::NAMES_BYTES_MAX - 10, ..Tree::default() };
    let link = member("a", b'2', 0o777, "1234567890", b"");
    assert!(matches!(tree.lay(link.as_slice()), Err(LayerFault::Names)));
}

#[test]
fn a_sparse_file_is_there_and_its_content_is_told_as_unknown() {
    let tree = tree(&[vec![member("etc/passwd", b'S', 0o4666, "", b"part")]]);
    let (_, entry) = tree.file("etc/passwd").unwrap();
    assert_eq!(
        (entry.gap, entry.mode, entry.content.is_none()),
        (Some(super::SPARSE), 0o4666, true)
    );
}

#[test]
fn a_database_that_is_written_again_and_again_is_kept_once() {
    let mut tree = Tree::default();
    for version in 0..50 {
        let status = vec![b'a' + version; 100_000];
        tree.lay(member("var/lib/dpkg/status", b'0', 0o644, "", &status).as_slice()).unwrap();
    }
    assert_eq!(tree.kept, 100_000);
}

#[test]
fn clearing_a_folder_again_costs_nothing_and_takes_nothing() {
    let mut upper: Vec<_> = (0..2000).map(|number| file(&format!("a/{number}"))).collect();
    upper.extend(vec![file("a/.wh..wh..opq"); 20_000]);
    let tree = tree(&[vec![file("a/old")], upper]);
    assert_eq!(tree.entries().count(), 2000);
}

#[test]
fn keys_are_seen_and_words_about_keys_are_not() {
    let key = b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";
    let tree = tree(&[vec![
        member("key", b'0', 0o600, "", key),
        member("about", b'0', 0o600, "", b"see -----BEGIN PRIVATE KEY-----"),
        member("public", b'0', 0o600, "", b"-----BEGIN PUBLIC KEY-----\n"),
    ]]);
    let keys: Vec<_> =
        tree.entries().filter(|(_, entry)| entry.private_key).map(|(path, _)| path).collect();
    assert_eq!(keys, ["key"]);
}

/// What a layer does, in a world of few names so that they meet.
#[derive(Debug, Clone)]
enum Act {
    Put(&'static str),
    Remove(&'static str),
    Clear(&'static str),
}

fn act() -> impl Strategy<Value = Act> {
    let file = prop::sample::select(vec!["a/x", "a/y", "a/b/x", "b/x", "b/y"]);
    let any = prop::sample::select(vec!["a", "b", "a/b", "a/x", "b/y"]);
    let folder = prop::sample::select(vec!["a", "b", "a/b"]);
    prop_oneof![
        3 => file.prop_map(Act::Put),
        1 => any.prop_map(Act::Remove),
        1 => folder.prop_map(Act::Clear),
    ]
}

proptest! {
    /// Against the rule as it is written: first the whiteouts of a layer, over what was below, then its files.
    #[test]
    fn layers_come_to_what_the_specification_says(layers in prop::collection::vec(prop::collection::vec(act(), 0..6), 0..5)) {
        let mut model: BTreeMap<&str, usize> = BTreeMap::new();
        let mut real = Tree::default();
        for (number, layer) in layers.iter().enumerate() {
            let mut bytes = Vec::new();
            for act in layer {
                bytes.extend(match act {
                    Act::Put(path) => file(path),
                    Act::Remove(path) => file(&match path.rsplit_once('/') {
                        Some((folder, name)) => format!("{folder}/.wh.{name}"),
                        None => format!(".wh.{path}"),
                    }),
                    Act::Clear(path) => file(&format!("{path}/.wh..wh..opq")),
                });
                let below = |path: &str, folder: &str| path.starts_with(&format!("{folder}/"));
                match act {
                    Act::Put(_) => {}
                    Act::Remove(gone) => model.retain(|path, _| path != gone && !below(path, gone)),
                    Act::Clear(gone) => model.retain(|path, _| !below(path, gone)),
                }
            }
            real.lay(bytes.as_slice()).unwrap();
            model.extend(layer.iter().filter_map(|act| match act {
                Act::Put(path) => Some((*path, number)),
                _ => None,
            }));
        }
        let real: Vec<_> = real.entries().map(|(path, entry)| (path, entry.layer)).collect();
        let model: Vec<_> = model.into_iter().collect();
        prop_assert_eq!(real, model);
    }
}
