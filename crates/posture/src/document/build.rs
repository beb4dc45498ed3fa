//! Builds trees from the parser's events, within the bounds of `document`.
//! The grammar of YAML is the parser's; which texts are numbers or booleans is `scalar`'s.
//!
//! Hostile input: aliases are copied under a budget, so that a bomb of anchors costs what it may cost and
//! no more; an alias inside its own anchor cannot be resolved by the parser's rules and is refused.

use super::{
    ALIASED_VALUES_MAX, DEPTH_MAX, Document, Fault, Part, Unreadable, VALUES_MAX, narrow, scalar,
    template,
};
use crate::node::{Entry, Node, Span, Value};
use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads the documents of one part and appends them.
pub(super) fn read_part(text: &str, part: Part, documents: &mut Vec<Document>) {
    let slice = &text[part.start..part.end];
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut builder = Builder { part, ..Builder::default() };
    for next in Parser::new_from_str_with_options(slice, options) {
        let step = match next {
            Ok((event, span)) => builder.take(event, &builder.place(&span)),
            Err(error) => Err(syntax(slice, part, &error)),
        };
        match step {
            Ok(Some(node)) if node.is_null() => {}
            Ok(Some(node)) => documents.push(match template::in_document(&node) {
                Some(found) => Err(found),
                None => Ok(node),
            }),
            Ok(None) => {}
            Err(unreadable) => {
                documents
                    .push(Err(template::in_text(slice, part.lines_before).unwrap_or(unreadable)));
                return;
            }
        }
    }
}

fn syntax(slice: &str, part: Part, error: &granit_parser::ScanError) -> Unreadable {
    let (line, column) = (error.marker().line(), error.marker().col() + 1);
    let of_line = slice.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let indentation: String = of_line.chars().take_while(|letter| letter.is_whitespace()).collect();
    let tab = indentation.find('\t');
    let (column, fault) = match tab {
        Some(tab) => (tab + 1, Fault::Tab),
        None => (column, Fault::Syntax(error.info())),
    };
    Unreadable { line: narrow(line + part.lines_before), column: narrow(column), fault }
}

/// A collection that is being filled.
#[derive(Debug)]
enum Open {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, Span)>, merges: Vec<Node> },
}

#[derive(Debug)]
struct Frame {
    open: Open,
    span: Span,
    flow: bool,
    anchor: usize,
}

#[derive(Debug, Default)]
struct Builder {
    part: Part,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    values: usize,
    aliased: usize,
}

impl Builder {
    fn place(&self, span: &granit_parser::Span) -> Span {
        Span {
            line: narrow(span.start.line() + self.part.lines_before),
            column: narrow(span.start.col() + 1),
            start: self.part.start + span.start.byte_offset().unwrap_or_default(),
            end: self.part.start + span.end.byte_offset().unwrap_or_default(),
        }
    }

    /// Takes an event; yields the document that it completes.
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<Option<Node>, Unreadable> {
        let span = *span;
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                (self.values, self.aliased) = (0, 0);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(text, style, tag.as_deref(), span)?;
                return self.complete(Node { value, span, flow: false }, anchor);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", span)?;
                self.open(Open::List(Vec::new()), style, anchor, span)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", span)?;
                let open = Open::Map { entries: Vec::new(), key: None, merges: Vec::new() };
                self.open(open, style, anchor, span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(span),
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    let fault = Fault::Syntax("an alias stands inside its own anchor".to_owned());
                    return Err(at(span, fault));
                };
                self.aliased += count(node);
                if self.aliased > ALIASED_VALUES_MAX {
                    return Err(at(span, limit(ALIASED_VALUES_MAX, "values made by aliases")));
                }
                let mut node = node.clone();
                node.span = span;
                return self.complete(node, 0);
            }
            _ => {}
        }
        Ok(None)
    }

    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Value, Unreadable> {
        let plain = style == ScalarStyle::Plain;
        match tag {
            None if plain => Ok(scalar::resolve(text.into_owned())),
            None => Ok(Value::Text(text.into_owned())),
            Some(tag) if tag.handle() == CORE => match tag.suffix() {
                "str" => Ok(Value::Text(text.into_owned())),
                "int" | "float" | "bool" | "null" => Ok(scalar::resolve(text.into_owned())),
                other => Err(at(span, Fault::Tag(other.to_owned()))),
            },
            Some(tag) => Err(at(span, Fault::Tag(format!("!{}", tag.suffix())))),
        }
    }

    fn collection_tag(&self, tag: Option<&Tag>, own: &str, span: Span) -> Result<(), Unreadable> {
        match tag {
            Some(tag) if tag.handle() != CORE || tag.suffix() != own => {
                Err(at(span, Fault::Tag(format!("!{}", tag.suffix()))))
            }
            _ => Ok(()),
        }
    }

    fn open(
        &mut self,
        open: Open,
        style: StructureStyle,
        anchor: usize,
        span: Span,
    ) -> Result<(), Unreadable> {
        if self.frames.len() >= DEPTH_MAX {
            return Err(at(span, limit(DEPTH_MAX, "nested collections")));
        }
        self.frames.push(Frame { open, span, flow: style == StructureStyle::Flow, anchor });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<Option<Node>, Unreadable> {
        let Some(frame) = self.frames.pop() else { return Ok(None) };
        let value = match frame.open {
            Open::List(items) => Value::List(items),
            Open::Map { mut entries, merges, .. } => {
                for merge in merges {
                    merge_into(&mut entries, merge);
                }
                Value::Map(entries)
            }
        };
        // A block collection ends where its last value does; the parser knows it only at the next token.
        let inner_end = match &value {
            Value::List(items) => items.last().map(|node| node.span.end),
            Value::Map(entries) => {
                entries.iter().rev().find(|entry| !entry.merged).map(|entry| entry.node.span.end)
            }
            _ => None,
        };
        let last = if frame.flow { end.end } else { inner_end.unwrap_or(end.end) };
        let span = Span { end: last.max(frame.span.start), ..frame.span };
        self.complete(Node { value, span, flow: frame.flow }, frame.anchor)
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<Option<Node>, Unreadable> {
        self.values += 1;
        if self.values + self.aliased > VALUES_MAX {
            return Err(at(node.span, limit(VALUES_MAX, "values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
            self.aliased += count(&node);
        }
        let Some(frame) = self.frames.last_mut() else { return Ok(Some(node)) };
        match &mut frame.open {
            Open::List(items) => items.push(node),
            Open::Map { entries, key, merges } => match key.take() {
                None => *key = Some(as_key(node)?),
                Some((name, _)) if name == "<<" && is_mergeable(&node) => merges.push(node),
                Some((name, key_span)) => {
                    // Real mappings have a few dozen keys; the bound on values keeps this search short
                    // enough even for a hostile one.
                    if let Some(first) = entries.iter().find(|entry| entry.key == name) {
                        let first = first.key_span.line;
                        return Err(at(key_span, Fault::DuplicateKey { key: name, first }));
                    }
                    entries.push(Entry { key: name, key_span, node, merged: false });
                }
            },
        }
        Ok(None)
    }
}

const CORE: &str = "tag:yaml.org,2002:";

fn at(span: Span, fault: Fault) -> Unreadable {
    Unreadable { line: span.line, column: span.column, fault }
}

fn limit(limit: usize, unit: &'static str) -> Fault {
    Fault::Limit { limit, unit }
}

fn as_key(node: Node) -> Result<(String, Span), Unreadable> {
    match node.value {
        Value::Text(text) => Ok((text, node.span)),
        // JSON has only text for keys; Kubernetes' reader takes what was written.
        Value::Bool(_, raw) | Value::Number(_, raw) => Ok((raw, node.span)),
        _ => Err(at(node.span, Fault::Key)),
    }
}

fn is_mergeable(node: &Node) -> bool {
    match &node.value {
        Value::Map(_) => true,
        Value::List(items) => items.iter().all(|item| matches!(item.value, Value::Map(_))),
        _ => false,
    }
}

/// What the mapping says itself stands above what it takes over (the YAML merge key type).
fn merge_into(entries: &mut Vec<Entry>, merge: Node) {
    let maps = match merge.value {
        Value::Map(other) => vec![other],
        Value::List(items) => items
            .into_iter()
            .filter_map(|item| match item.value {
                Value::Map(other) => Some(other),
                _ => None,
            })
            .collect(),
        _ => return,
    };
    for entry in maps.into_iter().flatten() {
        if !entries.iter().any(|own| own.key == entry.key) {
            entries.push(Entry { merged: true, ..entry });
        }
    }
}

fn count(node: &Node) -> usize {
    1 + node.items().iter().map(count).sum::<usize>()
        + node.entries().iter().map(|entry| count(&entry.node)).sum::<usize>()
}
