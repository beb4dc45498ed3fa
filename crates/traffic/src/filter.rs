//! The language in which units are chosen: `verb == list and resource == pods and status >= 400`.
//! It knows the fields of units by the words people use for them; how units come about it does not know.
//!
//! Form: comparisons `FIELD OP VALUE` with `== != < <= > >= ~` (contains), joined by `and`, `or`, `not` and
//! brackets. A word alone stands for `info ~ WORD`. Values with spaces are quoted.
//!
//! Hostile input: filters come from people's own command lines and URLs; depth is bounded by [`DEPTH_MAX`].

mod condition;

use crate::user;
use wire::{Call, Side, Unit};

/// Brackets and negations within each other.
const DEPTH_MAX: usize = 64;

/// Which units are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Node);

/// Why a text is no filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}\n  {text}\n  {}^", " ".repeat(*at))]
pub struct FilterFault {
    /// What is wrong.
    pub problem: String,
    text: String,
    at: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare { field: Field, comparison: Comparison, value: String, number: Option<u64> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Number,
    Connection,
    Stream,
    Side,
    Source,
    Destination,
    Port,
    Protocol,
    Length,
    Info,
    User,
    Method,
    Path,
    Verb,
    Group,
    Resource,
    Subresource,
    Namespace,
    Name,
    Status,
    LatencyMs,
    Header,
}

const FIELDS: [(&str, Field); 23] = [
    ("number", Field::Number),
    ("connection", Field::Connection),
    ("stream", Field::Stream),
    ("side", Field::Side),
    ("source", Field::Source),
    ("destination", Field::Destination),
    ("port", Field::Port),
    ("protocol", Field::Protocol),
    ("length", Field::Length),
    ("info", Field::Info),
    ("user", Field::User),
    ("method", Field::Method),
    ("path", Field::Path),
    ("verb", Field::Verb),
    ("group", Field::Group),
    ("resource", Field::Resource),
    ("subresource", Field::Subresource),
    ("namespace", Field::Namespace),
    ("ns", Field::Namespace),
    ("name", Field::Name),
    ("status", Field::Status),
    ("latency_ms", Field::LatencyMs),
    ("header", Field::Header),
];

const COMPARISONS: [(&str, Comparison); 8] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("~", Comparison::Contains),
];

impl std::str::FromStr for Filter {
    type Err = FilterFault;

    fn from_str(text: &str) -> Result<Self, FilterFault> {
        let words = words(text)?;
        let mut parser = Parser { text, words: &words, place: 0, depth: 0 };
        let node = parser.any()?;
        match parser.peek() {
            None => Ok(Self(node)),
            Some(_) => Err(parser.fault("expected `and`, `or` or the end")),
        }
    }
}

impl Filter {
    /// Whether a unit is wanted.
    pub fn matches(&self, unit: &Unit) -> bool {
        self.0.matches(unit)
    }
}

impl Node {
    fn matches(&self, unit: &Unit) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(unit)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(unit)),
            Self::Not(node) => !node.matches(unit),
            Self::Compare { field, comparison, value, number } => {
                if let (Some(wanted), true) = (number, field.is_number()) {
                    let found = field.numbers(unit);
                    // What a unit does not have is unequal to everything and compares with nothing.
                    return match comparison {
                        Comparison::NotEqual => !found.contains(wanted),
                        _ => found.iter().any(|found| comparison.holds(found, wanted)),
                    };
                }
                let found = field.texts(unit);
                match comparison {
                    Comparison::NotEqual => !found.iter().any(|found| same(found, value)),
                    Comparison::Equal => found.iter().any(|found| same(found, value)),
                    Comparison::Contains => {
                        let value = value.to_ascii_lowercase();
                        found.iter().any(|found| found.to_ascii_lowercase().contains(&value))
                    }
                    _ => {
                        found.iter().any(|found| comparison.holds(&found.as_str(), &value.as_str()))
                    }
                }
            }
        }
    }
}

fn same(found: &str, value: &str) -> bool {
    found.eq_ignore_ascii_case(value)
}

impl Comparison {
    fn holds<T: PartialOrd>(self, found: &T, wanted: &T) -> bool {
        match self {
            Self::Equal | Self::Contains => found == wanted,
            Self::NotEqual => found != wanted,
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
        }
    }
}

impl Field {
    fn is_number(self) -> bool {
        matches!(
            self,
            Self::Number
                | Self::Connection
                | Self::Stream
                | Self::Port
                | Self::Length
                | Self::Status
                | Self::LatencyMs
        )
    }

    fn numbers(self, unit: &Unit) -> Vec<u64> {
        let one = |number: Option<u64>| number.into_iter().collect();
        match self {
            Self::Number => vec![unit.number],
            Self::Connection => vec![unit.connection],
            Self::Stream => one(unit.stream.map(u64::from)),
            Self::Port => vec![unit.source.port().into(), unit.destination.port().into()],
            Self::Length => vec![unit.length],
            Self::Status => one(unit.status.map(u64::from)),
            Self::LatencyMs => one(unit.latency_us.map(|latency| latency / 1_000)),
            _ => Vec::new(),
        }
    }

    fn texts(self, unit: &Unit) -> Vec<String> {
        let of_call = |read: fn(&Call) -> &Option<String>| {
            unit.call.as_deref().and_then(|call| read(call).clone()).into_iter().collect()
        };
        match self {
            Self::Side => vec![match unit.side {
                Side::Client => "client".to_owned(),
                Side::Server => "server".to_owned(),
            }],
            Self::Source => vec![unit.source.ip().to_string(), unit.source.to_string()],
            Self::Destination => {
                vec![unit.destination.ip().to_string(), unit.destination.to_string()]
            }
            Self::Protocol => vec![unit.protocol.to_string()],
            Self::Info => vec![unit.info.clone()],
            Self::User => user::claimed(unit).into_iter().collect(),
            Self::Method => of_call(|call| &call.method),
            Self::Path => of_call(|call| &call.path),
            Self::Verb => of_call(|call| &call.verb),
            Self::Group => of_call(|call| &call.group),
            Self::Resource => of_call(|call| &call.resource),
            Self::Subresource => of_call(|call| &call.subresource),
            Self::Namespace => of_call(|call| &call.namespace),
            Self::Name => of_call(|call| &call.name),
            Self::Header => unit
                .headers
                .iter()
                .filter_map(|(name, value)| {
                    Some(format!("{}: {}", name.as_deref()?, value.as_deref()?))
                })
                .collect(),
            _ => self.numbers(unit).iter().map(u64::to_string).collect(),
        }
    }
}

struct Word {
    text: String,
    at: usize,
    quoted: bool,
}

struct Parser<'a> {
    text: &'a str,
    words: &'a [Word],
    place: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.place)
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let found =
            self.peek().is_some_and(|word| !word.quoted && word.text.eq_ignore_ascii_case(symbol));
        self.place += usize::from(found);
        found
    }

    fn fault(&self, problem: &str) -> FilterFault {
        let at = self.peek().map_or(self.text.chars().count(), |word| word.at);
        FilterFault { problem: problem.to_owned(), text: self.text.to_owned(), at }
    }

    fn any(&mut self) -> Result<Node, FilterFault> {
        let mut nodes = vec![self.all()?];
        while self.takes("or") || self.takes("||") {
            nodes.push(self.all()?);
        }
        Ok(match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::Any(nodes),
        })
    }

    fn all(&mut self) -> Result<Node, FilterFault> {
        let mut nodes = vec![self.one()?];
        while self.takes("and") || self.takes("&&") {
            nodes.push(self.one()?);
        }
        Ok(match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::All(nodes),
        })
    }

    fn one(&mut self) -> Result<Node, FilterFault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault("too deeply nested"));
        }
        let node = if self.takes("not") || self.takes("!") {
            Node::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let node = self.any()?;
            if !self.takes(")") {
                return Err(self.fault("expected `)`"));
            }
            node
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, FilterFault> {
        let word = self.peek().ok_or_else(|| self.fault("expected a comparison"))?;
        let next = self.words.get(self.place + 1).filter(|next| !next.quoted);
        let comparison = next.and_then(|next| {
            COMPARISONS.iter().find(|(symbol, _)| *symbol == next.text).map(|(_, found)| *found)
        });
        let Some(comparison) = comparison else {
            if !word.quoted && matches!(word.text.as_str(), ")" | "and" | "or") {
                return Err(self.fault("expected a comparison"));
            }
            self.place += 1;
            let (field, comparison) = (Field::Info, Comparison::Contains);
            return Ok(Node::Compare { field, comparison, value: word.text.clone(), number: None });
        };
        let field = FIELDS.iter().find(|(name, _)| *name == word.text).map(|(_, field)| *field);
        let Some(field) = field else {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            let known = names.join(", ");
            return Err(
                self.fault(&format!("there is no field `{}`; there are {known}", word.text))
            );
        };
        self.place += 2;
        let value = self.peek().ok_or_else(|| self.fault("expected a value"))?;
        let number = value.text.parse().ok();
        if field.is_number() && number.is_none() && comparison != Comparison::Contains {
            return Err(self.fault("expected a number"));
        }
        self.place += 1;
        let number = number.filter(|_| comparison != Comparison::Contains);
        Ok(Node::Compare { field, comparison, value: value.text.clone(), number })
    }
}

fn words(text: &str) -> Result<Vec<Word>, FilterFault> {
    let mut words = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        let start = at;
        let rest = chars.get(at..).unwrap_or_default();
        let symbol = ["==", "!=", "<=", ">=", "&&", "||", "=", "<", ">", "~", "(", ")", "!"]
            .into_iter()
            .find(|symbol| symbol.chars().eq(rest.iter().copied().take(symbol.len())));
        if c.is_whitespace() {
            at += 1;
        } else if matches!(c, '"' | '\'') {
            let length = rest.iter().skip(1).position(|other| *other == c);
            let length = length.ok_or_else(|| FilterFault {
                problem: "the quotation is not closed".to_owned(),
                text: text.to_owned(),
                at,
            })?;
            let inner = rest.iter().skip(1).take(length).collect();
            words.push(Word { text: inner, at: start, quoted: true });
            at += length + 2;
        } else if let Some(symbol) = symbol {
            words.push(Word { text: symbol.to_owned(), at: start, quoted: false });
            at += symbol.len();
        } else {
            let of_word = |c: &&char| !c.is_whitespace() && !"=!<>~()&|\"'".contains(**c);
            let word: String = rest.iter().take_while(of_word).collect();
            at += word.chars().count().max(1);
            words.push(Word { text: word, at: start, quoted: false });
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests;
