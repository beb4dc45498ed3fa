//! Reads the documents of a manifest file, YAML or JSON, into value trees with their places.
//! What the documents mean, and whether they are Kubernetes objects, is `object`'s.
//!
//! Hostile input: size, depth, number of values and the growth by aliases are bounded; a document that
//! cannot be read is reported with line and column and never hides the ones after it.

mod build;
mod scalar;
mod template;

use crate::node::Node;

/// A file above this is not read. The API server takes no object above 3 MiB, so that this is a folder's
/// worth of them in one file.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Values in one document, those of expanded aliases included: each takes about 100 bytes.
pub const VALUES_MAX: usize = 500_000;
/// Nesting of collections. Custom resource definitions of real operators reach about 40.
pub const DEPTH_MAX: usize = 100;
/// Values that aliases may add to a document: generous for people, nothing for a bomb.
pub const ALIASED_VALUES_MAX: usize = 20_000;

/// One document of a source: its tree, or why there is none.
pub type Document = Result<Node, Unreadable>;

/// Why a document cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Unreadable {
    /// Line of the fault, from 1.
    pub line: u32,
    /// Column of the fault, from 1.
    pub column: u32,
    /// The fault.
    pub fault: Fault,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not YAML, and not JSON.
    #[error("this is not valid YAML: {0}")]
    Syntax(String),
    /// A tab where YAML wants spaces.
    #[error("a tab is used for indentation; YAML allows only spaces")]
    Tab,
    /// A key stands twice in one mapping: the API server refuses it, other readers take one of the two.
    #[error("the key `{key}` stands twice; it is first on line {first}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands first.
        first: u32,
    },
    /// A template that nobody has rendered.
    #[error("this is a template that was not rendered; scan the output of `helm template` instead")]
    Template,
    /// A key that is not text.
    #[error("a key is not text")]
    Key,
    /// A tag that Kubernetes gives no meaning.
    #[error("the tag `{0}` has no meaning in a manifest")]
    Tag(String),
    /// Bytes that are not UTF-8.
    #[error("the file is not UTF-8 text")]
    Encoding,
    /// A bound of this reader is passed.
    #[error("the document passes the limit of {limit} {unit}")]
    Limit {
        /// How many are allowed.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
}

/// Reads all documents of a source. Empty ones are left out: they say nothing.
pub fn read(bytes: &[u8]) -> Vec<Document> {
    if bytes.len() > SOURCE_BYTES_MAX {
        let fault = Fault::Limit { limit: SOURCE_BYTES_MAX, unit: "bytes" };
        return vec![Err(Unreadable { line: 1, column: 1, fault })];
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return vec![Err(not_utf8(bytes, error.valid_up_to()))],
    };
    let mut documents = Vec::new();
    for part in parts(text) {
        build::read_part(text, part, &mut documents);
    }
    documents
}

fn not_utf8(bytes: &[u8], valid_up_to: usize) -> Unreadable {
    let before = String::from_utf8_lossy(&bytes[..valid_up_to]);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().map_or(0, |last| last.chars().count());
    Unreadable { line: narrow(line), column: narrow(column), fault: Fault::Encoding }
}

/// Lines and columns of a source of 16 MiB always fit; a larger number could only be a fault of ours.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A stretch of a source that is read on its own.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    start: usize,
    end: usize,
    /// Lines before it.
    lines_before: usize,
}

/// Cuts a source at its `---` lines, so that one broken document does not hide those after it. A line that
/// begins so ends a document wherever it stands (YAML 1.2.2, section 9.1.4), block scalars included.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut start = usize::from(text.starts_with('\u{feff}')) * '\u{feff}'.len_utf8();
    let (mut lines_before, mut line_number, mut says_something) = (0, 0, false);
    let mut offset = start;
    for line in text[start..].split_inclusive('\n') {
        if is_separator(line) && says_something {
            parts.push(Part { start, end: offset, lines_before });
            (start, lines_before, says_something) = (offset, line_number, false);
        } else if !is_separator(line) {
            let first = line.trim_start().chars().next();
            // Comments and directives belong to the document that follows them.
            says_something |= first.is_some_and(|first| first != '#' && first != '%');
        }
        offset += line.len();
        line_number += 1;
    }
    parts.push(Part { start, end: text.len(), lines_before });
    parts
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests;
