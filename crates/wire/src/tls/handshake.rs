//! Handshake messages: what of them tells how the connection will be encrypted and who it is for.
//! Certificates and signatures are not looked at; whoever took part has checked them.
//!
//! Specifications: RFC 8446 section 4, RFC 5246 section 7.4, RFC 5077, RFC 6066, RFC 7301.
//!
//! Hostile input: extensions are read through checked cursors; names are bounded by their 16-bit lengths.

use crate::bytes::Cursor;

pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const NEW_SESSION_TICKET: u8 = 4;
pub(super) const END_OF_EARLY_DATA: u8 = 5;
pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(super) const FINISHED: u8 = 20;
pub(super) const KEY_UPDATE: u8 = 24;

/// The random by which a server asks for another ClientHello (RFC 8446 section 4.1.3).
const HELLO_RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientHello {
    pub(super) random: [u8; 32],
    pub(super) session_id: Vec<u8>,
    pub(super) ticket: Vec<u8>,
    pub(super) server_name: Option<String>,
    pub(super) protocols: Vec<String>,
    pub(super) early_data: bool,
    pub(super) pre_shared_key: bool,
}

/// What a server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) random: [u8; 32],
    pub(super) session_id: Vec<u8>,
    pub(super) version: u16,
    pub(super) suite: u16,
    pub(super) protocol: Option<String>,
    pub(super) pre_shared_key: bool,
}

impl ClientHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut body = Cursor::new(body);
        body.u16()?;
        let mut hello = Self {
            random: body.array()?,
            session_id: body.run8()?.to_vec(),
            ticket: Vec::new(),
            server_name: None,
            protocols: Vec::new(),
            early_data: false,
            pre_shared_key: false,
        };
        body.run16()?;
        body.run8()?;
        for (kind, value) in extensions(&mut body) {
            match kind {
                0 => hello.server_name = server_name(value),
                16 => hello.protocols = protocols(value),
                35 => hello.ticket = value.to_vec(),
                41 => hello.pre_shared_key = true,
                42 => hello.early_data = true,
                _ => {}
            }
        }
        Some(hello)
    }
}

impl ServerHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut body = Cursor::new(body);
        let mut hello = Self {
            version: body.u16()?,
            random: body.array()?,
            session_id: body.run8()?.to_vec(),
            suite: body.u16()?,
            protocol: None,
            pre_shared_key: false,
        };
        body.u8()?;
        for (kind, value) in extensions(&mut body) {
            match kind {
                16 => hello.protocol = protocols(value).pop(),
                41 => hello.pre_shared_key = true,
                43 => hello.version = Cursor::new(value).u16()?,
                _ => {}
            }
        }
        Some(hello)
    }

    pub(super) fn is_1_3(&self) -> bool {
        self.version == 0x0304
    }

    pub(super) fn is_retry(&self) -> bool {
        self.random == HELLO_RETRY
    }
}

/// The protocol that a TLS 1.3 server chose, from its EncryptedExtensions.
pub(super) fn encrypted_extensions_protocol(body: &[u8]) -> Option<String> {
    let mut body = Cursor::new(body);
    extensions(&mut body)
        .find(|(kind, _)| *kind == 16)
        .and_then(|(_, value)| protocols(value).pop())
}

/// The ticket in a NewSessionTicket of TLS 1.2.
pub(super) fn ticket_1_2(body: &[u8]) -> Option<&[u8]> {
    let mut body = Cursor::new(body);
    body.u32()?;
    body.run16()
}

/// Whether a record holds exactly one hello in clear.
pub(super) fn is_hello(record: &[u8]) -> bool {
    let mut cursor = Cursor::new(record);
    let kind = cursor.u8();
    cursor.take(4);
    let hello = matches!(cursor.u8(), Some(CLIENT_HELLO | SERVER_HELLO));
    let length = cursor.u24().and_then(|length| usize::try_from(length).ok());
    kind == Some(22) && hello && length == Some(cursor.rest().len())
}

/// What a message is called in its RFC.
pub(super) fn name(kind: u8) -> &'static str {
    match kind {
        0 => "HelloRequest",
        CLIENT_HELLO => "ClientHello",
        SERVER_HELLO => "ServerHello",
        NEW_SESSION_TICKET => "NewSessionTicket",
        END_OF_EARLY_DATA => "EndOfEarlyData",
        ENCRYPTED_EXTENSIONS => "EncryptedExtensions",
        11 => "Certificate",
        12 => "ServerKeyExchange",
        13 => "CertificateRequest",
        14 => "ServerHelloDone",
        15 => "CertificateVerify",
        16 => "ClientKeyExchange",
        FINISHED => "Finished",
        22 => "CertificateStatus",
        KEY_UPDATE => "KeyUpdate",
        25 => "CompressedCertificate",
        _ => "unknown handshake message",
    }
}

/// What an alert is called in RFC 8446 section 6.
pub(super) fn alert_name(description: u8) -> &'static str {
    match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unknown alert",
    }
}

fn extensions<'a>(body: &mut Cursor<'a>) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
    let mut all = Cursor::new(body.run16().unwrap_or_default());
    std::iter::from_fn(move || Some((all.u16()?, all.run16()?)))
}

fn server_name(value: &[u8]) -> Option<String> {
    let mut list = Cursor::new(Cursor::new(value).run16()?);
    match list.u8()? {
        0 => Some(String::from_utf8_lossy(list.run16()?).into_owned()),
        _ => None,
    }
}

fn protocols(value: &[u8]) -> Vec<String> {
    let mut list = Cursor::new(Cursor::new(value).run16().unwrap_or_default());
    std::iter::from_fn(|| list.run8())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}
