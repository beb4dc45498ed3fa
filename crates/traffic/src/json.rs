//! Units, connections and the summary as JSON lines for other programs.
//! The form is a promise: docs/traffic.md describes it, and a field is only ever added.

use crate::summary::Summary;
use crate::table::timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::io::{self, Write};
use wire::{Call, ConnectionReport, Content, Decoder, Side, Tally, Unit};

#[derive(Serialize)]
struct UnitLine<'a> {
    r#type: &'static str,
    number: u64,
    time: String,
    time_us: u64,
    connection: u64,
    side: &'static str,
    source: String,
    destination: String,
    protocol: String,
    length: u64,
    info: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    headers: &'a [(Option<String>, Option<String>)],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<DataLine<'a>>,
}

#[derive(Serialize)]
struct CallLine<'a> {
    method: Option<&'a str>,
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verb: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subresource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct DataLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
    length: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
}

#[derive(Serialize)]
struct ConnectionLine<'a> {
    r#type: &'static str,
    connection: u64,
    client: String,
    server: String,
    began_us: u64,
    ended_us: u64,
    decryption: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsLine<'a>>,
    requests: u64,
    late: bool,
    missing: u64,
    wire: TallyLine<'a>,
    content: TallyLine<'a>,
}

#[derive(Serialize)]
struct TlsLine<'a> {
    version: Option<&'static str>,
    suite: Option<&'a str>,
    server_name: Option<&'a str>,
    protocol: Option<&'a str>,
    resumed: bool,
    early_data: bool,
}

#[derive(Serialize)]
struct SummaryLine<'a> {
    r#type: &'static str,
    packets: u64,
    dropped: u64,
    units: u64,
    requests: u64,
    connections: u64,
    secrets: u64,
    bytes: TallyLine<'a>,
    content: TallyLine<'a>,
    missing: u64,
}

/// Bytes by what became of them.
struct TallyLine<'a>(&'a Tally);

impl Serialize for TallyLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("decoded", &self.0.decoded())?;
        for (reason, bytes) in self.0.reasons() {
            map.serialize_entry(reason.code(), &bytes)?;
        }
        map.end()
    }
}

impl<'a> CallLine<'a> {
    fn of(call: &'a Call) -> Self {
        Self {
            method: call.method.as_deref(),
            path: call.path.as_deref(),
            verb: call.verb.as_deref(),
            group: call.group.as_deref(),
            version: call.version.as_deref(),
            resource: call.resource.as_deref(),
            subresource: call.subresource.as_deref(),
            namespace: call.namespace.as_deref(),
            name: call.name.as_deref(),
        }
    }
}

pub(crate) fn unit(unit: &Unit, output: &mut dyn Write) -> io::Result<()> {
    let data = unit.data.as_ref().map(|data| {
        let (text, omitted, fingerprint) = match &data.content {
            Content::Json(text) | Content::Text(text) => (Some(text.as_str()), None, None),
            Content::Omitted { reason, fingerprint } => {
                (None, Some(reason.code()), fingerprint.as_deref())
            }
        };
        let media_type = data.media_type.as_deref();
        DataLine { media_type, length: data.length, text, omitted, fingerprint }
    });
    let line = UnitLine {
        r#type: "unit",
        number: unit.number,
        time: timestamp(unit.time_us).map(|time| format!("{time:.6}")).unwrap_or_default(),
        time_us: unit.time_us,
        connection: unit.connection,
        side: match unit.side {
            Side::Client => "client",
            Side::Server => "server",
        },
        source: unit.source.to_string(),
        destination: unit.destination.to_string(),
        protocol: unit.protocol.to_string(),
        length: unit.length,
        info: &unit.info,
        stream: unit.stream,
        request: unit.request,
        call: unit.call.as_deref().map(CallLine::of),
        status: unit.status,
        latency_us: unit.latency_us,
        headers: &unit.headers,
        data,
    };
    write(&line, output)
}

pub(crate) fn connection(
    report: &ConnectionReport,
    advice: Option<&'static str>,
    output: &mut dyn Write,
) -> io::Result<()> {
    let line = ConnectionLine {
        r#type: "connection",
        connection: report.connection,
        client: report.client.to_string(),
        server: report.server.to_string(),
        began_us: report.began_us,
        ended_us: report.ended_us,
        decryption: report.decryption.code(),
        advice,
        tls: report.tls.as_ref().map(|tls| TlsLine {
            version: tls.version,
            suite: tls.suite.as_deref(),
            server_name: tls.server_name.as_deref(),
            protocol: tls.protocol.as_deref(),
            resumed: tls.resumed,
            early_data: tls.early_data,
        }),
        requests: report.requests,
        late: report.late,
        missing: report.missing,
        wire: TallyLine(&report.wire),
        content: TallyLine(&report.content),
    };
    write(&line, output)
}

pub(crate) fn summary(
    summary: &Summary,
    decoder: &Decoder,
    output: &mut dyn Write,
) -> io::Result<()> {
    let line = SummaryLine {
        r#type: "summary",
        packets: decoder.packets(),
        dropped: decoder.packets_dropped(),
        units: summary.units,
        requests: summary.requests,
        connections: summary.connections,
        secrets: decoder.key_counts().secrets,
        bytes: TallyLine(decoder.tally()),
        content: TallyLine(&summary.content),
        missing: summary.missing,
    };
    write(&line, output)
}

pub(crate) fn write(line: &impl Serialize, output: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *output, line)?;
    output.write_all(b"\n")
}
