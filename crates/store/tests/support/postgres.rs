//! A real PostgreSQL for the tests: a server of this test program's own, and a database per test.
//! What is stored in it is known to the tests.
//!
//! One server serves the whole test program. A small shell process stands over it and holds the read end of a
//! pipe whose write end is ours: however this program ends (finished, panicked, killed) the pipe closes, and the
//! shell stops the server and removes its directory. PostgreSQL refuses to run as root, so that root starts it
//! as Debian's user `postgres`. It listens on a Unix socket in a directory of its own (mode 0700) only.

#![allow(clippy::expect_used, reason = "tests cannot go on without their database")]
#![allow(
    unreachable_pub,
    reason = "the file is included by more than one program, each of which sees it as its own"
)]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A running server; all tests of one program share [`PostgresServer::shared`].
pub struct PostgresServer {
    directory: String,
    databases: AtomicU32,
    /// Holds our end of the pipe.
    _guard: Child,
}

/// One empty database.
pub struct PostgresDatabase {
    /// How to connect to it.
    pub url: String,
}

const PROGRAMS_MISSING: &str = "PostgreSQL's programs are missing, and these tests need a real server: install \
     Debian's package `postgresql` (apt-get install postgresql), or put initdb and postgres on PATH";

/// Makes a data directory, starts the server, prints the directory, and waits for its standard input to close.
const SCRIPT: &str = r#"
set -eu
directory=$(mktemp -d /tmp/sallyport-postgres.XXXXXX)
cd "$directory"
finish() {
    "$1/pg_ctl" -D "$directory/data" -m immediate -w stop >/dev/null 2>&1 || :
    cd /
    rm -rf "$directory"
}
trap 'finish "$1"' EXIT
trap 'exit 1' INT TERM HUP
if ! { "$1/initdb" -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 &&
    printf "listen_addresses = ''\nunix_socket_directories = '%s'\nmax_connections = 300\n" "$directory" \
        >>data/postgresql.conf &&
    "$1/pg_ctl" -D data -l log -w start; } >said 2>&1
then cat said log >&2 || :; exit 1; fi
echo "$directory"
cat >/dev/null
"#;

impl PostgresServer {
    /// The server of this test program, started by the first test that asks.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<PostgresServer> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// Starts a server; panics with the reason if it does not start.
    pub fn start() -> Self {
        let programs = programs().expect(PROGRAMS_MISSING);
        let mut guard = as_server_user("sh")
            .args(["-c", SCRIPT, "postgres-for-tests"])
            .arg(&programs)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C ends this program; the closing pipe then ends the server in good order.
            .process_group(0)
            .spawn()
            .expect("the shell that stands over PostgreSQL does not start");
        let mut directory = String::new();
        let stdout = guard.stdout.take().expect("its standard output is piped");
        BufReader::new(stdout).read_line(&mut directory).expect("it prints UTF-8");
        let directory = directory.trim().to_owned();
        if directory.is_empty() {
            let mut said = String::new();
            let stderr = guard.stderr.take().expect("its standard error is piped");
            BufReader::new(stderr).read_to_string(&mut said).expect("it prints UTF-8");
            panic!("PostgreSQL did not start:\n{said}");
        }
        Self { directory, databases: AtomicU32::new(0), _guard: guard }
    }

    /// A new empty database.
    pub fn database(&self) -> PostgresDatabase {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        PostgresDatabase { url: self.url(&name) }
    }

    /// The URL of a database by name.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://postgres@localhost/{name}?host={}", self.directory)
    }

    /// Takes the server down at once, as a power cut would.
    pub fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Starts the server again after [`PostgresServer::stop`].
    pub fn start_again(&self) {
        self.control(&["-l", "log", "start"]);
    }

    fn control(&self, arguments: &[&str]) {
        let programs = programs().expect(PROGRAMS_MISSING);
        let done = as_server_user(programs.join("pg_ctl"))
            .args(["-s", "-w", "-D", "data"])
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .expect(PROGRAMS_MISSING);
        assert!(done.success(), "pg_ctl {arguments:?} failed");
    }

    /// Runs statements as the superuser, with psql rather than with the code under test.
    fn sql(&self, database: &str, statements: &str) {
        let programs = programs().expect(PROGRAMS_MISSING);
        let output = Command::new(programs.join("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h", &self.directory])
            .args(["-d", database, "-c", statements])
            .output()
            .expect(PROGRAMS_MISSING);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql failed: {said}");
    }
}

/// Where the server's programs are: Debian's newest, or where PATH finds them.
fn programs() -> Option<PathBuf> {
    let complete = |folder: &Path| {
        ["initdb", "postgres", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file())
    };
    let mut folders: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path);
    folders.into_iter().rev().map(|(_, folder)| folder).chain(on_path).find(|f| complete(f))
}

/// A command run as the user that the server runs as.
fn as_server_user(program: impl AsRef<OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("`id` is part of coreutils");
    id.stdout.trim_ascii() == b"0"
}
