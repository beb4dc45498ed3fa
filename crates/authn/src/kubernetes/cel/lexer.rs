//! The words of a CEL expression.
//! It knows no grammar; what it refuses are spellings that the grammar has no use for here.

use super::Refusal;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Int(u64),
    Double(f64),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 25] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{",
    "}", "+", "-", "*", "/", "%", "`",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut rest = text;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']);
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (token, after) = match first {
            'a'..='z' | 'A'..='Z' | '_' => word(rest)?,
            '"' | '\'' => quoted(rest, false)?,
            '0'..='9' => number(rest)?,
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| {
                    Refusal::new(format!("the character {first:?} means nothing in CEL"))
                })?;
                (Token::Sign(sign), &rest[sign.len()..])
            }
        };
        tokens.push(token);
        rest = after;
    }
}

fn word(rest: &str) -> Result<(Token, &str), Refusal> {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    if after.starts_with(['"', '\'']) {
        return match word {
            "r" | "R" => quoted(after, true),
            _ => Err(Refusal::unsupported("a literal of bytes")),
        };
    }
    Ok((Token::Name(word.to_owned()), after))
}

fn number(rest: &str) -> Result<(Token, &str), Refusal> {
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut end = digits(rest);
    let mut whole = true;
    if rest[end..].starts_with('.') && digits(&rest[end + 1..]) > 0 {
        whole = false;
        end += 1 + digits(&rest[end + 1..]);
    }
    let (text, after) = rest.split_at(end);
    if after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Refusal::unsupported("a number in hexadecimal, with an exponent or a suffix"));
    }
    let unreadable = || Refusal::new(format!("the number {text} is out of range"));
    let token = if whole {
        Token::Int(text.parse().map_err(|_| unreadable())?)
    } else {
        Token::Double(text.parse().map_err(|_| unreadable())?)
    };
    Ok((token, after))
}

fn quoted(rest: &str, raw: bool) -> Result<(Token, &str), Refusal> {
    let quote = if rest.starts_with('"') { '"' } else { '\'' };
    let triple: String = [quote; 3].iter().collect();
    if rest.starts_with(&triple) {
        return Err(Refusal::unsupported("a literal in three quotes"));
    }
    let open = || Refusal::new("a literal has no closing quote");
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            _ if c == quote => return Ok((Token::Text(text), &rest[at + 1..])),
            '\n' | '\r' => return Err(open()),
            '\\' if raw => {
                // The character after it is part of the text, a quote as well.
                text.push(c);
                let next = characters.next().map(|(_, c)| c).filter(|c| !matches!(c, '\n' | '\r'));
                text.push(next.ok_or_else(open)?);
            }
            '\\' => {
                let (_, escaped) = characters.next().ok_or_else(open)?;
                text.push(match escaped {
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    '\\' | '?' | '"' | '\'' | '`' => escaped,
                    'u' => {
                        let digits: String = characters.by_ref().take(4).map(|(_, c)| c).collect();
                        let hex =
                            digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                        let code = hex.then(|| u32::from_str_radix(&digits, 16).ok()).flatten();
                        code.and_then(char::from_u32)
                            .ok_or_else(|| Refusal::new(format!("\\u{digits} is no character")))?
                    }
                    other => return Err(Refusal::unsupported(&format!("the escape \\{other}"))),
                });
            }
            _ => text.push(c),
        }
    }
    Err(open())
}
