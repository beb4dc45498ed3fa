//! An image as facts: what its configuration, its files and its packages come to, in the form that checks ask for.
//! Which of them are wrong is `posture`'s.

use super::layout::Image;
use super::vulnerabilities::Answers;
use advisories::Rating;
use inventory::tar::MemberKind;
use inventory::tree::{Entry, SPARSE};
use inventory::{Inventory, Tree};
use posture::checks::{is_secret_setting, is_secret_step, notable};
use posture::node::{Node, Value};
use std::collections::BTreeMap;

/// Files of one kind that are told one by one; nobody reads more, and the count of the rest is told.
const FILES_MAX: usize = 100;

type Fields = Vec<(String, Node)>;

/// Files that are told, and how many more there are.
type Told = (Fields, usize);

/// All facts of an image.
pub(super) fn of(
    image: &Image,
    inventory: &Inventory,
    answers: Option<&Answers>,
    is_whole: bool,
) -> Fields {
    let mut unread = Vec::new();
    if !is_whole {
        unread.extend(["files", "accounts"].map(|key| (key, "a layer could not be read")));
    } else if !image.tree.gaps().is_empty() {
        unread.extend(["files", "accounts"].map(|key| (key, "a file could not be read")));
    } else {
        if image.tree.entries().any(|(_, entry)| entry.gap == Some(SPARSE)) {
            unread.push(("files", "a file is sparse and was not read"));
        }
        if ["etc/passwd", "etc/shadow"].iter().any(|path| is_unread(&image.tree, path)) {
            unread.push(("accounts", "the list of accounts could not be read"));
        }
    }
    let mut fields = with_packages(inventory, answers, is_whole, unread);
    fields.push(("digest".to_owned(), Node::made_text(&image.digest)));
    fields.extend(configuration(&image.config));
    fields.push(("files".to_owned(), files(&image.tree)));
    fields.push(("accounts".to_owned(), accounts(&image.tree)));
    fields
}

/// The facts of packages alone.
pub(super) fn of_packages(
    inventory: &Inventory,
    answers: Option<&Answers>,
    is_whole: bool,
) -> Fields {
    with_packages(inventory, answers, is_whole, Vec::new())
}

/// The facts of packages, and what else was not read.
fn with_packages(
    inventory: &Inventory,
    answers: Option<&Answers>,
    is_whole: bool,
    mut unread: Vec<(&'static str, &'static str)>,
) -> Fields {
    let mut fields = vec![(
        "packages".to_owned(),
        map([("count", Node::made_text(inventory.packages.len().to_string()))]),
    )];
    if let Some(distribution) = &inventory.distribution {
        let (id, version) = (&distribution.id, &distribution.version);
        let known = [("id", Node::made_text(id)), ("version", Node::made_text(version))];
        fields.push(("distribution".to_owned(), map(known)));
    }
    if let Some(answers) = answers {
        fields.push(("vulnerabilities".to_owned(), vulnerabilities(answers)));
        if !is_whole || !inventory.gaps.is_empty() || !answers.missed.is_empty() {
            unread.push(("vulnerabilities", "not all packages could be asked about"));
        }
    }
    let unread = unread.into_iter().map(|(key, reason)| (key, Node::made_text(reason)));
    fields.push(("unread".to_owned(), map(unread)));
    fields
}

fn vulnerabilities(answers: &Answers) -> Node {
    let ratings = [Rating::Critical, Rating::High, Rating::Medium, Rating::Low, Rating::Unrated];
    map(ratings.map(|rating| {
        let mut told: BTreeMap<String, String> = BTreeMap::new();
        for (package, found) in answers.found.iter().filter(|(_, found)| found.rating == rating) {
            let fixed = found.fixed.as_ref().map_or_else(
                || "no version mends it yet".to_owned(),
                |version| format!("mended in {version}"),
            );
            let aliases = match found.aliases.as_slice() {
                [] => String::new(),
                aliases => format!(" ({})", aliases.join(", ")),
            };
            let text = format!(
                "{} {} in {}, {fixed}{aliases}",
                package.name, package.version, package.path
            );
            told.entry(format!("{}/{}", found.id, package.name)).or_insert(text);
        }
        let told = told.into_iter().map(|(key, text)| (key, Node::made_text(text)));
        (rating.name(), Node::made_map(told))
    }))
}

fn configuration(config: &serde_json::Value) -> Fields {
    let own = &config["config"];
    let texts = |value: &serde_json::Value| -> Vec<String> {
        match value {
            serde_json::Value::Array(items) => {
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            // Ports and volumes are keys of objects that hold nothing.
            serde_json::Value::Object(entries) => entries.keys().cloned().collect(),
            _ => Vec::new(),
        }
    };
    let (mut plain, mut secret) = (Vec::new(), Vec::new());
    for setting in texts(&own["Env"]) {
        let (name, value) = setting.split_once('=').unwrap_or((&setting, ""));
        if is_secret_setting(name, value) {
            secret.push((name.to_owned(), hidden(value)));
        } else {
            plain.push((name.to_owned(), Node::made_text(value)));
        }
    }
    let mut secret_steps = Vec::new();
    // What a container runs is one text to whoever looks for secrets: a flag and its value are two words of it.
    let mut command = |what: &str, words: Vec<String>| {
        if is_secret_step(&words.join(" ")) {
            secret_steps.push(format!("the {what}, whose text holds it and is not shown"));
            return vec!["(not shown: it holds a secret)".to_owned()];
        }
        words
    };
    let entrypoint = command("entrypoint", texts(&own["Entrypoint"]));
    let cmd = command("command", texts(&own["Cmd"]));
    let check = command("healthcheck", texts(&own["Healthcheck"]["Test"]));
    let mut known = vec![
        ("environment", Node::made_map(plain)),
        ("ports", list(texts(&own["ExposedPorts"]))),
        ("volumes", list(texts(&own["Volumes"]))),
        ("entrypoint", list(entrypoint)),
        ("command", list(cmd)),
        ("architecture", Node::made_text(config["architecture"].as_str().unwrap_or_default())),
        ("created", Node::made_text(config["created"].as_str().unwrap_or_default())),
    ];
    if let Some(user) = own["User"].as_str().filter(|user| !user.is_empty()) {
        known.push(("user", Node::made_text(user)));
    }
    // `NONE` is said to switch a check off that a lower image has.
    if !check.is_empty() && check.first().is_none_or(|word| word != "NONE") {
        known.push(("healthcheck", Node::made_text(check.join(" "))));
    }
    let mut steps = Vec::new();
    for (number, step) in config["history"].as_array().into_iter().flatten().enumerate() {
        let Some(step) = step["created_by"].as_str() else { continue };
        if is_secret_step(step) {
            secret_steps.push(format!("step {}, whose text holds it and is not shown", number + 1));
        } else {
            steps.push(step.to_owned());
        }
    }
    let secrets = [("environment", Node::made_map(secret)), ("history", list(secret_steps))];
    vec![
        ("config".to_owned(), map(known)),
        ("history".to_owned(), list(steps)),
        ("secrets".to_owned(), map(secrets)),
    ]
}

fn hidden(value: &str) -> Node {
    Node::made_text(format!("({} characters)", value.chars().count()))
}

fn files(tree: &Tree) -> Node {
    let mut found: BTreeMap<&str, Told> = BTreeMap::new();
    let mut tell = |what: &'static str, path: &str, text: String| {
        let (told, more) = found.entry(what).or_default();
        if told.len() < FILES_MAX {
            told.push((path.to_owned(), Node::made_text(text)));
        } else {
            *more += 1;
        }
    };
    for (path, entry) in tree.entries() {
        let mode = || format!("mode {:04o}, user {}", entry.mode, entry.owner);
        if entry.kind == MemberKind::Device {
            tell("devices", path, mode());
        }
        if entry.private_key {
            tell("privateKeys", path, format!("{} bytes", entry.size));
        }
        let is_program = entry.kind == MemberKind::File
            || (entry.kind == MemberKind::SymbolicLink && entry.mode & 0o111 != 0);
        if is_program && let Some(what) = notable(path) {
            tell(what, path, format!("{} bytes", entry.size));
        }
        if entry.kind != MemberKind::File {
            continue;
        }
        if entry.mode & 0o4000 != 0 {
            tell("setuid", path, mode());
        }
        if entry.mode & 0o2000 != 0 {
            tell("setgid", path, mode());
        }
        if entry.mode & 0o002 != 0 {
            tell("writable", path, mode());
        }
        if matches!(path, "etc/passwd" | "etc/shadow" | "etc/group") && entry.mode & 0o022 != 0 {
            tell("writableAccounts", path, mode());
        }
    }
    map(found.into_iter().map(|(what, (mut told, more))| {
        if more > 0 {
            told.push(("…".to_owned(), Node::made_text(format!("and {more} more"))));
        }
        (what, Node::made_map(told))
    }))
}

/// Whether something is there whose content is not known: a link to elsewhere, or a file that was not kept.
fn is_unread(tree: &Tree, path: &str) -> bool {
    tree.has(path) && tree.file(path).is_none_or(|(_, entry)| entry.content.is_none())
}

/// What `passwd` and `shadow` tell: who needs no password, who is root, and who shares a number.
fn accounts(tree: &Tree) -> Node {
    let text = |path: &str| {
        let content = |(_, entry): (&str, &Entry)| entry.content.clone();
        let content = tree.file(path).and_then(content).unwrap_or_default();
        String::from_utf8_lossy(&content).into_owned()
    };
    let (passwd, shadow) = (text("etc/passwd"), text("etc/shadow"));
    let lines = |text: &str| -> Vec<Vec<String>> {
        let fields = |line: &str| line.split(':').map(str::to_owned).collect();
        text.lines().filter(|line| line.contains(':')).map(fields).collect()
    };
    let field = |line: &[String], at: usize| line.get(at).cloned().unwrap_or_default();
    let mut by_number: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut empty, mut root) = (Vec::new(), Vec::new());
    for line in lines(&passwd) {
        let (name, password, number) = (field(&line, 0), field(&line, 1), field(&line, 2));
        if password.is_empty() {
            empty.push(name.clone());
        }
        if number == "0" && name != "root" {
            root.push(name.clone());
        }
        by_number.entry(number).or_default().push(name);
    }
    let open = lines(&shadow).into_iter().filter(|line| field(line, 1).is_empty());
    empty.extend(open.map(|line| field(&line, 0)));
    empty.dedup();
    let shared = by_number.into_iter().filter(|(number, names)| number != "0" && names.len() > 1);
    let shared = shared.map(|(number, names)| format!("{number}: {}", names.join(", ")));
    map([("emptyPassword", list(empty)), ("root", list(root)), ("shared", list(shared.collect()))])
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    Node::made_map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)))
}

fn list(texts: Vec<String>) -> Node {
    Node::made(Value::List(texts.into_iter().map(Node::made_text).collect()))
}
