//! What a message of etcd says, in a line: which keys are asked for, put, deleted or watched.
//! Only keys and counts are looked at, never what is stored; the whole message is [`crate::objects`]'.
//!
//! Numbers of fields: go.etcd.io/etcd/api `etcdserverpb/rpc.proto`, v3.6.
//!
//! Hostile input: what is broken says nothing; keys are cut at [`KEY_CHARS_MAX`].

pub(crate) mod gateway;

use crate::grpc::Method;
use crate::protobuf::{Carried, Fields};

/// `/registry/` with a group, namespace and name.
const KEY_CHARS_MAX: usize = 600;

/// `Range /registry/pods/default/web`, `Watch: 2 events, PUT /registry/…`, or only the method.
pub(crate) fn line(method: &Method, message: &[u8]) -> String {
    let said = match (method.name.as_str(), method.is_answer) {
        ("Range" | "DeleteRange", false) => keys(message),
        ("Put", false) => text(message, 1),
        ("Txn", false) => transaction(message),
        ("Watch", false) => watch(message),
        ("Watch", true) => events(message),
        ("Range", true) => {
            let (count, all) = (fields(message, 2).count(), number(message, 4));
            Some(format!("{count} of {all}"))
        }
        ("DeleteRange", true) => Some(format!("{} deleted", number(message, 2))),
        ("Txn", true) => {
            Some(if number(message, 2) == 0 { "not succeeded" } else { "succeeded" }.to_owned())
        }
        ("LeaseGrant", false) => Some(format!("{} s", number(message, 1))),
        _ => None,
    };
    match (said, method.is_answer) {
        (None, _) => method.name.clone(),
        (Some(said), false) => format!("{} {said}", method.name),
        (Some(said), true) => format!("{}: {said}", method.name),
    }
}

fn fields(message: &[u8], wanted: u32) -> impl Iterator<Item = Carried<'_>> {
    Fields::new(message)
        .map_while(Result::ok)
        .filter(move |(number, _)| *number == wanted)
        .map(|(_, carried)| carried)
}

fn bytes(message: &[u8], wanted: u32) -> Option<&[u8]> {
    fields(message, wanted).find_map(|carried| match carried {
        Carried::Bytes(bytes) => Some(bytes),
        _ => None,
    })
}

fn number(message: &[u8], wanted: u32) -> u64 {
    fields(message, wanted)
        .find_map(|carried| match carried {
            Carried::Varint(value) => Some(value),
            _ => None,
        })
        .unwrap_or(0)
}

fn text(message: &[u8], wanted: u32) -> Option<String> {
    bytes(message, wanted).map(shown)
}

fn shown(key: &[u8]) -> String {
    // What pages of a list begin with is the last key and a zero.
    let key = String::from_utf8_lossy(key.strip_suffix(b"\0").unwrap_or(key)).into_owned();
    key.chars().take(KEY_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A key, or all that begin with it, or a range.
fn keys(message: &[u8]) -> Option<String> {
    let key = bytes(message, 1)?;
    let Some(end) = bytes(message, 2) else { return Some(shown(key)) };
    let after_prefix = key.split_last().map(|(last, before)| (before, last.wrapping_add(1)));
    let is_prefix =
        end.split_last().is_some_and(|(last, before)| after_prefix == Some((before, *last)));
    match is_prefix {
        true => Some(format!("{}*", shown(key))),
        false => Some(format!("{} … {}", shown(key), shown(end))),
    }
}

fn transaction(message: &[u8]) -> Option<String> {
    let operations: Vec<&[u8]> = fields(message, 2)
        .filter_map(|carried| match carried {
            Carried::Bytes(bytes) => Some(bytes),
            _ => None,
        })
        .take(2)
        .collect();
    let first = operations.first()?;
    let more = if operations.len() > 1 { ", …" } else { "" };
    let said = bytes(first, 1)
        .and_then(|range| Some(format!("Range {}", keys(range)?)))
        // Beside a key to put stands the value.
        .or_else(|| Some(format!("Put {}", text(bytes(first, 2)?, 1)?)))
        .or_else(|| Some(format!("DeleteRange {}", keys(bytes(first, 3)?)?)))?;
    Some(format!("{said}{more}"))
}

fn watch(message: &[u8]) -> Option<String> {
    if let Some(create) = bytes(message, 1) {
        let from = match number(create, 3) {
            0 => String::new(),
            revision => format!(" from revision {revision}"),
        };
        return Some(format!("{}{from}", keys(create)?));
    }
    if let Some(cancel) = bytes(message, 2) {
        return Some(format!("cancel {}", number(cancel, 1)));
    }
    bytes(message, 3).map(|_| "progress".to_owned())
}

fn events(message: &[u8]) -> Option<String> {
    if number(message, 4) != 0 {
        return Some("canceled".to_owned());
    }
    if number(message, 3) != 0 {
        return Some("created".to_owned());
    }
    let count = fields(message, 11).count();
    let Some(first) = bytes(message, 11) else { return Some("progress".to_owned()) };
    let what = if number(first, 1) == 0 { "PUT" } else { "DELETE" };
    let key = text(bytes(first, 2)?, 1)?;
    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    Some(format!("{what} {key}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(method: &str, is_answer: bool, message: &[u8]) -> String {
        line(&Method::parse(Some(&format!("/etcdserverpb.{method}")), is_answer), message)
    }

    #[test]
    fn keys_are_told_and_values_never() {
        assert_eq!(said("KV/Range", false, b"\x0a\x02/a"), "Range /a");
        assert_eq!(said("KV/Range", false, b"\x0a\x02/a\x12\x02/b"), "Range /a*");
        assert_eq!(said("KV/Range", false, b"\x0a\x03/a\0\x12\x02/c"), "Range /a … /c");
        assert_eq!(said("KV/Range", true, b"\x12\x00\x12\x00\x20\x07"), "Range: 2 of 7");
        assert_eq!(said("KV/Put", false, b"\x0a\x02/a\x12\x06canary"), "Put /a");
        let put = b"\x12\x0c\x12\x0a\x0a\x02/a\x12\x04cana";
        assert_eq!(said("KV/Txn", false, put), "Txn Put /a");
        assert_eq!(said("KV/Txn", true, b"\x10\x01"), "Txn: succeeded");
        let create = b"\x0a\x0a\x0a\x02/a\x12\x02/b\x18\x09";
        assert_eq!(said("Watch/Watch", false, create), "Watch /a* from revision 9");
        let events = b"\x5a\x06\x12\x04\x0a\x02/a\x5a\x02\x08\x01";
        assert_eq!(said("Watch/Watch", true, events), "Watch: PUT /a and 1 more");
    }

    #[test]
    fn what_is_broken_says_its_method() {
        assert_eq!(said("KV/Range", false, b"\x0a\xff"), "Range");
        assert_eq!(said("KV/Txn", false, b"\x12\x02\x0b\x0b"), "Txn");
        assert_eq!(said("KV/Put", false, b"\x0a\x05\x1b[2J\n"), "Put \u{fffd}[2J\u{fffd}");
    }
}
