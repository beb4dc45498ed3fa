//! What can be told to the double: how an upgrade is answered, what runs, and what goes wrong on the way.

use bytes::Bytes;
use std::time::Duration;

/// How the upgrade of an exec request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecAnswer {
    /// With `v5.channel.k8s.io` if the client offers it, else `v4`.
    Newest,
    /// With `v4.channel.k8s.io`, as API servers before 1.30.
    V4,
    /// 400 and "Upgrade request required": the server knows SPDY alone.
    SpdyOnly,
    /// 401 with a Status.
    Unauthorized,
    /// 403 with a Status.
    Forbidden,
    /// 404 with a Status.
    NotFound,
    /// 302 to another place, which nobody may follow.
    Redirect,
    /// 200 with a body, and no upgrade.
    NoUpgrade,
    /// 101 with a wrong `Sec-WebSocket-Accept`.
    WrongAccept,
    /// 101 with a subprotocol that was not offered.
    WrongProtocol,
    /// No answer; the connection stays open.
    Stall,
}

/// What a wrapper, a command that begins with `sh`, says before its shell says anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// `ESC _ sallyport;<process id> ESC \`, with a different process id each.
    ProcessId,
    /// Nothing: the wrapper did not run.
    Missing,
    /// These bytes, in a frame of their own each.
    Bytes(Vec<Bytes>),
}

/// What runs in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A tiny shell. With a terminal it writes `$ `, echoes what is typed and knows `echo TEXT`, `exit N`,
    /// `size`, `flood [FRAME_BYTES [BYTES_PER_S]]` and `cut`; without, it reads the same lines silently.
    Shell,
    /// Lines of `x` in frames of that size until Ctrl-C, and then a shell.
    Flood {
        /// Bytes of each frame.
        frame_bytes: usize,
        /// The rate; `None` for as fast as the socket takes them.
        bytes_per_s: Option<u64>,
    },
    /// Reads and says nothing.
    Sink,
    /// Writes what it reads, and ends well when its input ends.
    Cat,
    /// Does these steps and then ends the connection, without a status unless one of the steps sent it.
    Script(Vec<ScriptStep>),
}

/// One step of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptStep {
    /// A binary message as it is, the channel byte first.
    Binary(Bytes),
    /// A text message.
    Text(String),
    /// Bytes put onto the connection past the WebSocket library, for frames that it would not write.
    Raw(Bytes),
    /// Waits for a message of the client.
    AwaitInput,
    /// Waits.
    Pause(Duration),
    /// A close frame and its handshake.
    Close,
}

impl Program {
    /// A flood in frames of 32 KiB, what a kubelet sends at most, as fast as they are taken.
    pub fn flood() -> Self {
        Self::Flood { frame_bytes: 32 * 1024, bytes_per_s: None }
    }
}
