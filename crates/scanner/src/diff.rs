//! A unified diff of two texts, as `patch` and people read it.
//! It need not be the shortest; applied to the old text it must give the new one.

/// Lines around a change that are shown.
const CONTEXT: usize = 3;
/// How far an unchanged line is looked for before a line is taken for changed. Fixes add a few lines at once.
const LOOK_AHEAD: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The diff; empty if both are the same. Contents are made harmless, as they come from strangers.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let lines = compare(old, new);
    let changed: Vec<usize> =
        (0..lines.len()).filter(|at| !matches!(lines[*at], Line::Same(_))).collect();
    let Some(first) = changed.first() else { return String::new() };
    let mut diff = format!("--- a/{name}\n+++ b/{name}\n");
    let mut start = first.saturating_sub(CONTEXT);
    for (index, at) in changed.iter().enumerate() {
        let next = changed.get(index + 1).copied();
        if next.is_some_and(|next| next <= at + 2 * CONTEXT + 1) {
            continue;
        }
        let end = (at + CONTEXT + 1).min(lines.len());
        hunk(&lines, start, end, &mut diff);
        start = next.map_or(lines.len(), |next| next - CONTEXT);
    }
    diff
}

fn compare<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<_>, Vec<_>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let (mut lines, mut from, mut to) = (Vec::new(), 0, 0);
    while from < old.len() || to < new.len() {
        match (old.get(from), new.get(to)) {
            (Some(own), Some(other)) if own == other => {
                lines.push(Line::Same(own));
                (from, to) = (from + 1, to + 1);
            }
            (Some(own), Some(_)) => {
                let ahead = &new[to..new.len().min(to + LOOK_AHEAD)];
                match ahead.iter().position(|other| other == own) {
                    Some(count) => {
                        lines.extend(ahead[..count].iter().map(|other| Line::New(other)));
                        to += count;
                    }
                    None => {
                        lines.push(Line::Gone(own));
                        lines.push(Line::New(new[to]));
                        (from, to) = (from + 1, to + 1);
                    }
                }
            }
            (Some(own), None) => {
                lines.push(Line::Gone(own));
                from += 1;
            }
            (None, Some(other)) => {
                lines.push(Line::New(other));
                to += 1;
            }
            (None, None) => break,
        }
    }
    lines
}

fn hunk(lines: &[Line<'_>], start: usize, end: usize, diff: &mut String) {
    let count = |lines: &[Line<'_>], of_old: bool| {
        let other = |line: &&Line<'_>| match line {
            Line::Same(_) => true,
            Line::Gone(_) => of_old,
            Line::New(_) => !of_old,
        };
        lines.iter().filter(other).count()
    };
    let range = |of_old| {
        let (before, inside) = (count(&lines[..start], of_old), count(&lines[start..end], of_old));
        format!("{},{inside}", if inside == 0 { before } else { before + 1 })
    };
    diff.push_str(&format!("@@ -{} +{} @@\n", range(true), range(false)));
    for line in &lines[start..end] {
        let (mark, text) = match line {
            Line::Same(text) => (' ', text),
            Line::Gone(text) => ('-', text),
            Line::New(text) => ('+', text),
        };
        diff.push(mark);
        let (body, ends) = match text.strip_suffix('\n') {
            Some(body) => (body, true),
            None => (*text, false),
        };
        let (body, carriage) = match body.strip_suffix('\r') {
            Some(body) => (body, "\r"),
            None => (body, ""),
        };
        // Tabs are no danger, and `patch` needs them as they are.
        let parts: Vec<String> = body.split('\t').map(crate::clean::clean).collect();
        diff.push_str(&parts.join("\t"));
        diff.push_str(carriage);
        diff.push('\n');
        if !ends {
            diff.push_str("\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_diff_shows_what_changed_and_three_lines_around() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let new = old.replace("5\n", "5\n5a\n").replace("12\n", "twelve");
        let expected = "--- a/f\n+++ b/f\n@@ -3,10 +3,11 @@\n 3\n 4\n 5\n+5a\n 6\n 7\n 8\n 9\n 10\n 11\n-12\n+twelve\n\\ No newline at end of file\n";
        assert_eq!(unified("f", old, &new), expected);
        assert_eq!(unified("f", old, old), "");
    }

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert!(!unified("f", "a\n", "a \u{1b}[2J\n").contains('\u{1b}'));
    }
}
