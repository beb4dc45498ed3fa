//! The functions on texts, as cel-go's string library has them: positions count characters.

use super::value::{Budget, texts};
use super::{Fault, Value};

pub(super) fn method<'a>(
    function: &str,
    of: &Value<'a>,
    arguments: &[Value<'a>],
    budget: &Budget,
) -> Result<Value<'a>, Fault> {
    if function == "join" {
        return join(of, arguments.first(), budget);
    }
    let Value::Text(of) = of else { return Err(Fault::Error) };
    budget.bytes(of.len())?;
    let made = |text: String| {
        budget.bytes(text.len())?;
        Ok(Value::text(text))
    };
    match (function, arguments) {
        ("startsWith", [Value::Text(other)]) => Ok(Value::Bool(of.starts_with(&**other))),
        ("endsWith", [Value::Text(other)]) => Ok(Value::Bool(of.ends_with(&**other))),
        ("contains", [Value::Text(other)]) => {
            // What the API server charges, so that it gives up no later than this does.
            budget.charge((1 + of.len() / 8) * (1 + other.len() / 8))?;
            Ok(Value::Bool(of.contains(&**other)))
        }
        ("lowerAscii", []) => made(of.to_ascii_lowercase()),
        ("upperAscii", []) => made(of.to_ascii_uppercase()),
        ("trim", []) => made(of.trim().to_owned()),
        ("replace", [Value::Text(from), Value::Text(to)]) => {
            let length = (of.len() + 1).checked_mul(to.len() + 1).ok_or(Fault::Exhausted)?;
            budget.bytes(length)?;
            made(of.replace(&**from, to))
        }
        ("split", [Value::Text(separator)]) => {
            budget.charge(of.len())?;
            if separator.is_empty() {
                // Go splits into characters, without empty texts at the ends.
                let characters: Vec<String> = of.chars().map(String::from).collect();
                return Ok(texts(characters.iter().map(String::as_str)));
            }
            Ok(texts(of.split(&**separator)))
        }
        ("substring", [Value::Int(from)]) => {
            let from = usize::try_from(*from).map_err(|_| Fault::Error)?;
            if from > of.chars().count() {
                return Err(Fault::Error);
            }
            made(of.chars().skip(from).collect())
        }
        ("substring", [Value::Int(from), Value::Int(to)]) => {
            let from = usize::try_from(*from).map_err(|_| Fault::Error)?;
            let to = usize::try_from(*to).map_err(|_| Fault::Error)?;
            if from > to || to > of.chars().count() {
                return Err(Fault::Error);
            }
            made(of.chars().skip(from).take(to - from).collect())
        }
        _ => Err(Fault::Error),
    }
}

fn join<'a>(
    of: &Value<'a>,
    separator: Option<&Value<'a>>,
    budget: &Budget,
) -> Result<Value<'a>, Fault> {
    let separator = match separator {
        None => "",
        Some(Value::Text(separator)) => separator,
        Some(_) => return Err(Fault::Error),
    };
    let mut joined = String::new();
    for (at, element) in of.elements(false, budget)?.into_iter().enumerate() {
        let Value::Text(text) = element else { return Err(Fault::Error) };
        budget.bytes(text.len() + separator.len())?;
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text);
    }
    Ok(Value::text(joined))
}

/// `string(value)`.
pub(super) fn of_value<'a>(value: &Value<'a>) -> Result<Value<'a>, Fault> {
    match value {
        Value::Text(_) => Ok(value.clone()),
        Value::Bool(truth) => Ok(Value::text(truth.to_string())),
        Value::Int(number) => Ok(Value::text(number.to_string())),
        Value::Double(number) => Ok(Value::text(general(*number))),
        _ => Err(Fault::Error),
    }
}

/// A number as Go's `%g` writes it: the fewest digits, with an exponent below -4 or from 6 on.
fn general(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let Ok(exponent) = exponent.parse::<i32>() else { return scientific };
    if (-4..GENERAL_EXPONENT_MAX).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

const GENERAL_EXPONENT_MAX: i32 = 6;
