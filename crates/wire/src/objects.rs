//! Kubernetes' and etcd's protobuf as the JSON that the API server would have sent of the same object.
//! What fields mean is [`crate::messages`]'; what of the result may be seen is [`crate::redact`]'s: nothing here
//! leaves without it.
//!
//! Format: k8s.io/apimachinery `pkg/runtime/serializer/protobuf` (`k8s\0`, then `runtime.Unknown`); JSON as Go's
//! encoder writes the types, with what they leave out left out and what they show when empty shown.
//! Limits: JSON of the caller's bound; [`DEPTH_MAX`] messages within each other; [`FIELDS_MAX`] fields at once.
//! What is not known: a kind that is not in the table, and a field of a later version, are named with their length
//! and a keyed hash, because what in them is secret cannot be told.
//!
//! Hostile input: an empty element of two bytes grows to its defaults, so the bound is on what is written.

mod scalars;
mod write;

use crate::messages::{self, Absent, Container, Field, Form, Kind, Message};
use crate::protobuf::{Carried, Fields};
use crate::redact::{Omission, Redactor};
pub(crate) use write::Writer;

/// Schemas of custom resources nest; the deepest of known operators has 20 levels.
const DEPTH_MAX: usize = 64;
/// Fields of all messages that are open at once. A list has one for each object, and objects have 200 bytes.
const FIELDS_MAX: usize = 256 * 1024;

pub(crate) const MAGIC: &[u8] = b"k8s\0";

type Fault = Omission;

/// An object, from its magic on, as JSON that is not redacted yet.
pub(crate) fn object(
    bytes: &[u8],
    redactor: &Redactor,
    json_bytes_max: usize,
) -> Result<String, Omission> {
    json(redactor, json_bytes_max, |decoding| decoding.unknown(bytes))
}

/// A message of a name as JSON that is not redacted yet.
pub(crate) fn named(
    name: &str,
    bytes: &[u8],
    redactor: &Redactor,
    json_bytes_max: usize,
) -> Result<String, Omission> {
    let message = messages::table().named(name).ok_or(Omission::Undecoded)?;
    json(redactor, json_bytes_max, |decoding| decoding.message(message, bytes))
}

fn json(
    redactor: &Redactor,
    json_bytes_max: usize,
    decode: impl FnOnce(&mut Decoding<'_>) -> Result<(), Fault>,
) -> Result<String, Omission> {
    let mut decoding =
        Decoding { redactor, output: Writer::new(json_bytes_max), depth: 0, fields: 0 };
    decode(&mut decoding)?;
    decoding.output.finish()
}

/// The fields of a message, in the order of their numbers.
struct Found<'a>(Vec<(u32, Carried<'a>)>);

impl<'a> Found<'a> {
    fn all(&self, number: u32) -> &[(u32, Carried<'a>)] {
        let start = self.0.partition_point(|(found, _)| *found < number);
        let rest = self.0.get(start..).unwrap_or_default();
        let end = rest.partition_point(|(found, _)| *found == number);
        rest.get(..end).unwrap_or_default()
    }

    /// Of a number that is not repeated the last counts.
    fn one(&self, number: u32) -> Option<Carried<'a>> {
        self.all(number).last().map(|(_, carried)| *carried)
    }

    fn bytes(&self, number: u32) -> Result<Option<&'a [u8]>, Fault> {
        self.one(number).map(bytes).transpose()
    }

    fn number(&self, number: u32) -> Result<u64, Fault> {
        self.one(number).map_or(Ok(0), varint)
    }
}

struct Decoding<'r> {
    redactor: &'r Redactor,
    output: Writer,
    depth: usize,
    fields: usize,
}

impl Decoding<'_> {
    /// `k8s\0`, and an object with its kind before it.
    fn unknown(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let unknown = bytes.strip_prefix(MAGIC).ok_or(Fault::Malformed)?;
        let found = self.open(unknown)?;
        let type_meta = self.open(found.bytes(1)?.unwrap_or_default())?;
        let version = text(type_meta.bytes(1)?.unwrap_or_default())?;
        let kind = text(type_meta.bytes(2)?.unwrap_or_default())?;
        let raw = found.bytes(2)?.unwrap_or_default();
        let is_plain = found.bytes(3)?.unwrap_or_default().is_empty();
        let content_type = found.bytes(4)?.unwrap_or_default();
        self.close(&type_meta);
        let message = messages::table().kind(version, kind);
        match (message, is_plain, content_type) {
            (Some(message), true, b"" | b"application/vnd.kubernetes.protobuf") => {
                self.output.begin('{')?;
                if !version.is_empty() {
                    self.output.key("apiVersion")?;
                    self.output.text(version)?;
                }
                if !kind.is_empty() {
                    self.output.key("kind")?;
                    self.output.text(kind)?;
                }
                let object = self.open(raw)?;
                self.fields(message, &object)?;
                self.close(&object);
                self.output.end('}')?;
            }
            (_, true, b"application/json") => self.document(raw)?,
            _ => {
                self.output.begin('{')?;
                self.output.key("apiVersion")?;
                self.output.text(version)?;
                self.output.key("kind")?;
                self.output.text(kind)?;
                self.output.key("?")?;
                self.not_decoded("not known", raw)?;
                self.output.end('}')?;
            }
        }
        self.close(&found);
        Ok(())
    }

    /// Cuts a message into its fields and counts them as open.
    fn open<'a>(&mut self, bytes: &'a [u8]) -> Result<Found<'a>, Fault> {
        if self.depth >= DEPTH_MAX {
            return Err(Fault::OverBound);
        }
        let mut found = Vec::new();
        for field in Fields::new(bytes) {
            if self.fields + found.len() >= FIELDS_MAX {
                return Err(Fault::OverBound);
            }
            found.push(field.map_err(|_| Fault::Malformed)?);
        }
        if !found.is_sorted_by_key(|(number, _)| *number) {
            found.sort_by_key(|(number, _)| *number);
        }
        self.depth += 1;
        self.fields += found.len();
        Ok(Found(found))
    }

    fn close(&mut self, found: &Found<'_>) {
        self.depth -= 1;
        self.fields -= found.0.len();
    }

    fn message(&mut self, message: &Message, bytes: &[u8]) -> Result<(), Fault> {
        let found = self.open(bytes)?;
        match message.form {
            Form::Object => {
                self.output.begin('{')?;
                self.fields(message, &found)?;
                self.output.end('}')?;
            }
            Form::Time if found.0.is_empty() => self.output.raw("null")?,
            Form::Time => {
                let seconds = found.number(1)?.cast_signed();
                let time = scalars::time(seconds).ok_or(Fault::Malformed)?;
                self.output.text(&format!("{time}Z"))?;
            }
            Form::MicroTime if found.0.is_empty() => self.output.raw("null")?,
            Form::MicroTime => {
                let seconds = found.number(1)?.cast_signed();
                let nanoseconds = found.number(2)?;
                let time = scalars::time(seconds).ok_or(Fault::Malformed)?;
                if nanoseconds >= 1_000_000_000 {
                    return Err(Fault::Malformed);
                }
                self.output.text(&format!("{time}.{:06}Z", nanoseconds / 1_000))?;
            }
            Form::Duration => {
                let nanoseconds = found.number(1)?.cast_signed();
                self.output.text(&scalars::duration(nanoseconds))?;
            }
            Form::Quantity => {
                let quantity = text(found.bytes(1)?.unwrap_or_default())?;
                self.output.text(if quantity.is_empty() { "0" } else { quantity })?;
            }
            Form::IntOrString => match found.number(1)? {
                0 => {
                    let number = found.number(2)?.cast_signed();
                    self.output.raw(&number.to_string())?;
                }
                _ => self.output.lossy(found.bytes(3)?.unwrap_or_default())?,
            },
            Form::Raw => match found.bytes(1)?.unwrap_or_default() {
                b"" => self.output.raw("null")?,
                document => self.document(document)?,
            },
            Form::Items => {
                let items = found.all(1);
                match items.is_empty() {
                    true => self.output.raw("null")?,
                    false => self.list(Kind::Text, items)?,
                }
            }
            Form::OrBool => match (found.bytes(2)?, message.fields.first()) {
                (Some(schema), Some(field)) => self.bytes(field.kind, schema)?,
                _ => self.output.raw(if found.number(1)? == 0 { "false" } else { "true" })?,
            },
            Form::OrArray => match (found.all(2), found.bytes(1)?, message.fields.as_slice()) {
                (items @ [_, ..], _, [_, field]) => self.list(field.kind, items)?,
                (_, Some(schema), [field, _]) => self.bytes(field.kind, schema)?,
                _ => self.output.raw("null")?,
            },
        }
        self.close(&found);
        Ok(())
    }

    /// The fields of an object, and what in it is not known.
    fn fields(&mut self, message: &Message, found: &Found<'_>) -> Result<(), Fault> {
        for field in &message.fields {
            self.field(field, found)?;
        }
        let is_known = |number: u32| message.fields.iter().any(|field| field.number == number);
        for (number, carried) in found.0.iter().filter(|(number, _)| !is_known(*number)) {
            self.output.key(&format!("?{number}"))?;
            match carried {
                Carried::Bytes(bytes) => self.not_decoded("not known", bytes)?,
                // A number may be a secret as well.
                Carried::Varint(value) => self.not_decoded("not known", &value.to_be_bytes())?,
                Carried::Fixed64(value) => self.not_decoded("not known", &value.to_be_bytes())?,
                Carried::Fixed32(value) => self.not_decoded("not known", &value.to_be_bytes())?,
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, found: &Found<'_>) -> Result<(), Fault> {
        let all = found.all(field.number);
        if field.absent == Absent::Inline {
            return self.inline(field, all);
        }
        let omits = field.absent == Absent::Omitted;
        match (field.container, all) {
            (Container::Optional | Container::List | Container::Map, []) => match field.absent {
                Absent::Omitted => Ok(()),
                Absent::EmptyList => {
                    self.output.key(field.name)?;
                    self.output.raw("[]")
                }
                Absent::Shown | Absent::Inline => {
                    self.output.key(field.name)?;
                    self.output.raw("null")
                }
            },
            (Container::One, []) if omits => Ok(()),
            (Container::One, []) => {
                self.output.key(field.name)?;
                self.zero(field.kind)
            }
            (Container::One, [.., (_, carried)]) if omits && is_zero(*carried) => Ok(()),
            (Container::One | Container::Optional, all) => self.one(field, all),
            (Container::List, all) => {
                self.output.key(field.name)?;
                self.list(field.kind, all)
            }
            (Container::Map, all) => {
                self.output.key(field.name)?;
                self.map(field.kind, all)
            }
        }
    }

    fn one(&mut self, field: &Field, all: &[(u32, Carried<'_>)]) -> Result<(), Fault> {
        match (field.kind, all) {
            (_, []) => Ok(()),
            (Kind::Stored, [.., (_, carried)]) => self.stored(bytes(*carried)?),
            (kind, [(_, carried)]) => {
                self.output.key(field.name)?;
                self.value(kind, *carried)
            }
            // A message that is sent in several parts is the parts one after the other.
            (Kind::Message(_), parts) => {
                let mut whole = Vec::new();
                for (_, part) in parts {
                    whole.extend_from_slice(bytes(*part)?);
                }
                self.output.key(field.name)?;
                self.bytes(field.kind, &whole)
            }
            (kind, [.., (_, carried)]) => {
                self.output.key(field.name)?;
                self.value(kind, *carried)
            }
        }
    }

    fn inline(&mut self, field: &Field, all: &[(u32, Carried<'_>)]) -> Result<(), Fault> {
        let Kind::Message(place) = field.kind else { return Err(Fault::Undecoded) };
        let message = messages::table().message(place).ok_or(Fault::Undecoded)?;
        let mut whole = Vec::new();
        let content = match all {
            [] => &[][..],
            [(_, carried)] => bytes(*carried)?,
            parts => {
                for (_, part) in parts {
                    whole.extend_from_slice(bytes(*part)?);
                }
                &whole
            }
        };
        let found = self.open(content)?;
        self.fields(message, &found)?;
        self.close(&found);
        Ok(())
    }

    fn zero(&mut self, kind: Kind) -> Result<(), Fault> {
        match kind {
            Kind::Text | Kind::Key => self.output.text(""),
            Kind::Bytes | Kind::Stored => self.output.raw("null"),
            Kind::Signed | Kind::Unsigned | Kind::Fraction => self.output.raw("0"),
            Kind::Truth => self.output.raw("false"),
            Kind::Choice(names) => self.output.text(choice(names, 0).unwrap_or("0")),
            Kind::Message(_) => self.bytes(kind, &[]),
        }
    }

    fn list(&mut self, kind: Kind, all: &[(u32, Carried<'_>)]) -> Result<(), Fault> {
        self.output.begin('[')?;
        for (_, carried) in all {
            match (kind, carried) {
                // Numbers may come one by one or all in one field.
                (Kind::Signed | Kind::Unsigned | Kind::Truth, Carried::Bytes(packed)) => {
                    let mut cursor = crate::bytes::Cursor::new(packed);
                    while !cursor.rest().is_empty() {
                        let number =
                            crate::protobuf::varint(&mut cursor).ok_or(Fault::Malformed)?;
                        self.output.element()?;
                        self.value(kind, Carried::Varint(number))?;
                    }
                }
                _ => {
                    self.output.element()?;
                    self.value(kind, *carried)?;
                }
            }
        }
        self.output.end(']')
    }

    fn map(&mut self, kind: Kind, all: &[(u32, Carried<'_>)]) -> Result<(), Fault> {
        self.output.begin('{')?;
        for (_, carried) in all {
            let entry = self.open(bytes(*carried)?)?;
            self.output.lossy_key(entry.bytes(1)?.unwrap_or_default())?;
            match (entry.one(2), kind) {
                // Go makes an empty list of its own for a key, and none for a field.
                (Some(Carried::Bytes([])) | None, Kind::Message(place)) if is_items(place) => {
                    self.output.raw("[]")?;
                }
                (Some(value), _) => self.value(kind, value)?,
                (None, Kind::Bytes) => self.output.text("")?,
                (None, _) => self.zero(kind)?,
            }
            self.close(&entry);
        }
        self.output.end('}')
    }

    fn value(&mut self, kind: Kind, carried: Carried<'_>) -> Result<(), Fault> {
        match (kind, carried) {
            (Kind::Signed, Carried::Varint(value)) => {
                self.output.raw(&value.cast_signed().to_string())
            }
            (Kind::Unsigned, Carried::Varint(value)) => self.output.raw(&value.to_string()),
            (Kind::Truth, Carried::Varint(value)) => {
                self.output.raw(if value == 0 { "false" } else { "true" })
            }
            (Kind::Fraction, Carried::Fixed64(bits)) => {
                let value = f64::from_bits(bits);
                match value.is_finite() {
                    true => self.output.raw(&value.to_string()),
                    false => self.output.raw("null"),
                }
            }
            (Kind::Choice(names), Carried::Varint(value)) => match choice(names, value) {
                Some(name) => self.output.text(name),
                None => self.output.raw(&value.to_string()),
            },
            (_, Carried::Bytes(bytes)) => self.bytes(kind, bytes),
            _ => Err(Fault::Malformed),
        }
    }

    fn bytes(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Fault> {
        match kind {
            Kind::Text | Kind::Key => self.output.lossy(bytes),
            Kind::Bytes => self.output.base64(bytes),
            Kind::Stored => self.not_decoded("not known", bytes),
            Kind::Message(place) => {
                let message = messages::table().message(place).ok_or(Fault::Undecoded)?;
                self.message(message, bytes)
            }
            _ => Err(Fault::Malformed),
        }
    }

    /// What etcd has stored: an object in protobuf or JSON, unless it is encrypted at rest or somebody else's. It stands
    /// not under `value`, which is hidden as a whole where a Secret is among the objects.
    fn stored(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.starts_with(MAGIC) {
            self.output.key("object")?;
            return self.unknown(bytes);
        }
        if bytes.starts_with(b"{") {
            self.output.key("object")?;
            return self.document(bytes);
        }
        self.output.key("stored")?;
        match bytes.starts_with(b"k8s:enc:") {
            true => self.not_decoded("encrypted at rest", bytes),
            false => self.not_decoded("not known", bytes),
        }
    }

    /// Another document within this one.
    fn document(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.starts_with(MAGIC) {
            return self.unknown(bytes);
        }
        match std::str::from_utf8(bytes).ok().filter(|text| Redactor::is_one_document(text)) {
            Some(document) => self.output.raw(document.trim()),
            None => self.not_decoded("not known", bytes),
        }
    }

    /// Stands for what is not shown.
    fn not_decoded(&mut self, why: &str, bytes: &[u8]) -> Result<(), Fault> {
        let fingerprint = self.redactor.fingerprint(bytes);
        self.output.text(&format!("[{why}:{fingerprint} {} bytes]", bytes.len()))
    }
}

fn is_items(place: usize) -> bool {
    messages::table().message(place).is_some_and(|message| message.form == Form::Items)
}

fn bytes(carried: Carried<'_>) -> Result<&[u8], Fault> {
    match carried {
        Carried::Bytes(bytes) => Ok(bytes),
        _ => Err(Fault::Malformed),
    }
}

fn varint(carried: Carried<'_>) -> Result<u64, Fault> {
    match carried {
        Carried::Varint(value) => Ok(value),
        _ => Err(Fault::Malformed),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::Malformed)
}

fn is_zero(carried: Carried<'_>) -> bool {
    match carried {
        Carried::Varint(value) | Carried::Fixed64(value) => value == 0,
        Carried::Bytes(bytes) => bytes.is_empty(),
        Carried::Fixed32(value) => value == 0,
    }
}

fn choice(names: &'static str, value: u64) -> Option<&'static str> {
    names.split(',').nth(usize::try_from(value).ok()?).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
