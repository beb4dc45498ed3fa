//! Which units are wanted, as a tree that becomes a condition in SQL.
//! The words in which people write it are known to the traffic service.
//!
//! Every comparison is true or false and never NULL, so that `Not` means the same as in the service's own
//! language: what a unit does not have is unequal to everything and compares with nothing.

use super::append::clean;
use crate::audit::literal;
use crate::database::Value;

/// A condition on units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrafficCondition {
    /// All of these hold.
    All(Vec<Self>),
    /// One of these holds.
    Any(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// A number compares.
    Number {
        /// What is compared.
        field: TrafficNumberField,
        /// How. [`TrafficComparison::Contains`] looks at the number's digits.
        comparison: TrafficComparison,
        /// With what.
        value: i64,
    },
    /// A text compares; ASCII letters match in either case.
    Text {
        /// What is compared.
        field: TrafficTextField,
        /// How.
        comparison: TrafficComparison,
        /// With what.
        value: String,
    },
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum TrafficComparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The value is somewhere in it.
    Contains,
}

/// A number of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum TrafficNumberField {
    Number,
    Connection,
    Stream,
    /// Either side's.
    Port,
    Length,
    Status,
    /// Whole milliseconds.
    LatencyMs,
}

/// A text of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum TrafficTextField {
    Side,
    /// The address, with or without its port.
    Source,
    /// The address, with or without its port.
    Destination,
    Protocol,
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
    /// `name: value` of one of the header fields; orders do not apply and are never true.
    Header,
    /// The digits of a number.
    Digits(TrafficNumberField),
}

/// A condition's SQL, with `$n` for each value from the end of `values` on.
pub(super) fn sql(condition: &TrafficCondition, values: &mut Vec<Value>) -> String {
    use TrafficCondition as Is;
    match condition {
        Is::All(parts) => joined(parts, " AND ", "TRUE", values),
        Is::Any(parts) => joined(parts, " OR ", "FALSE", values),
        Is::Not(part) => format!("(NOT {})", sql(part, values)),
        Is::Number { field, comparison, value } => {
            values.push((*value).into());
            let place = format!("${}", values.len());
            whole(field.columns(), *comparison, |column, sign| format!("{column} {sign} {place}"))
        }
        Is::Text { field, comparison, value } => text(*field, *comparison, value, values),
    }
}

fn joined(
    parts: &[TrafficCondition],
    word: &str,
    nothing: &str,
    values: &mut Vec<Value>,
) -> String {
    if parts.is_empty() {
        return nothing.to_owned();
    }
    let parts: Vec<String> = parts.iter().map(|part| sql(part, values)).collect();
    format!("({})", parts.join(word))
}

/// One comparison with each of some columns: one must hold, and for `NotEqual` none may be equal.
fn whole(
    columns: &[&str],
    comparison: TrafficComparison,
    one: impl Fn(&str, &str) -> String,
) -> String {
    let sign = match comparison {
        TrafficComparison::Equal | TrafficComparison::NotEqual | TrafficComparison::Contains => "=",
        TrafficComparison::Less => "<",
        TrafficComparison::LessOrEqual => "<=",
        TrafficComparison::Greater => ">",
        TrafficComparison::GreaterOrEqual => ">=",
    };
    let holds: Vec<String> =
        columns.iter().map(|column| format!("COALESCE({}, FALSE)", one(column, sign))).collect();
    let holds = holds.join(" OR ");
    match comparison {
        TrafficComparison::NotEqual => format!("(NOT ({holds}))"),
        _ => format!("({holds})"),
    }
}

fn text(
    field: TrafficTextField,
    comparison: TrafficComparison,
    value: &str,
    values: &mut Vec<Value>,
) -> String {
    if field == TrafficTextField::Header {
        return header(comparison, value, values);
    }
    if comparison == TrafficComparison::Contains {
        values.push(format!("%{}%", literal(&folded(value))).into());
        let place = values.len();
        return whole(field.columns(), comparison, |column, _| {
            format!("lower({column}) LIKE ${place} ESCAPE '\\'")
        });
    }
    let folds = matches!(comparison, TrafficComparison::Equal | TrafficComparison::NotEqual);
    values.push(if folds { folded(value).into() } else { clean(value).into() });
    let place = values.len();
    whole(field.columns(), comparison, |column, sign| match folds {
        true => format!("lower({column}) {sign} ${place}"),
        false => format!("{column} {sign} ${place}"),
    })
}

/// Folded as the columns are, whose collation knows ASCII alone: the database would fold a parameter by its own locale.
fn folded(text: &str) -> String {
    clean(text).to_ascii_lowercase()
}

/// Headers are stored as JSON, a pair of name and value each; a search for `name: value` is one for the pair.
fn header(comparison: TrafficComparison, value: &str, values: &mut Vec<Value>) -> String {
    let quoted = |text: &str| {
        let text = serde_json::Value::from(text).to_string();
        text.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
    };
    let pair = match value.split_once(": ") {
        Some((name, value)) => format!("{}\",\"{}", quoted(name), quoted(value)),
        None => quoted(value),
    };
    let pattern = match comparison {
        TrafficComparison::Contains => format!("%{}%", literal(&pair)),
        TrafficComparison::Equal | TrafficComparison::NotEqual => {
            format!("%[\"{}\"]%", literal(&pair))
        }
        _ => return "FALSE".to_owned(),
    };
    values.push(folded(&pattern).into());
    let holds = format!(
        "EXISTS (SELECT 1 FROM traffic_bodies WHERE unit = number
           AND lower(headers) LIKE ${} ESCAPE '\\')",
        values.len()
    );
    match comparison {
        TrafficComparison::NotEqual => format!("(NOT {holds})"),
        _ => holds,
    }
}

impl TrafficNumberField {
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Number => &["number"],
            Self::Connection => &["connection"],
            Self::Stream => &["stream"],
            Self::Port => &["source_port", "destination_port"],
            Self::Length => &["length"],
            Self::Status => &["status"],
            Self::LatencyMs => &["(latency_us / 1000)"],
        }
    }
}

impl TrafficTextField {
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Side => &["side"],
            Self::Source => &[
                "source_ip",
                "(CASE WHEN source_ip LIKE '%:%' THEN '[' || source_ip || ']' ELSE source_ip END
                  || ':' || source_port)",
            ],
            Self::Destination => &[
                "destination_ip",
                "(CASE WHEN destination_ip LIKE '%:%' THEN '[' || destination_ip || ']' ELSE destination_ip END
                  || ':' || destination_port)",
            ],
            Self::Protocol => &["protocol"],
            Self::Info => &["info"],
            Self::User => &["user_name"],
            Self::Method => &["method"],
            Self::Path => &["path"],
            Self::Verb => &["verb"],
            Self::Group => &["api_group"],
            Self::Resource => &["resource"],
            Self::Subresource => &["subresource"],
            Self::Namespace => &["namespace"],
            Self::Name => &["name"],
            Self::Header => &[],
            Self::Digits(TrafficNumberField::Number) => &["CAST(number AS TEXT)"],
            Self::Digits(TrafficNumberField::Connection) => &["CAST(connection AS TEXT)"],
            Self::Digits(TrafficNumberField::Stream) => &["CAST(stream AS TEXT)"],
            Self::Digits(TrafficNumberField::Port) => {
                &["CAST(source_port AS TEXT)", "CAST(destination_port AS TEXT)"]
            }
            Self::Digits(TrafficNumberField::Length) => &["CAST(length AS TEXT)"],
            Self::Digits(TrafficNumberField::Status) => &["CAST(status AS TEXT)"],
            Self::Digits(TrafficNumberField::LatencyMs) => &["CAST(latency_us / 1000 AS TEXT)"],
        }
    }
}
