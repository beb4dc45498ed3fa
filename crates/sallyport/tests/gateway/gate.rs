//! A hub of the real binary with a gateway, and the real cluster that it stands before.

use crate::support;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use testkit::{Endpoint, Trust};

/// Far above what anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A hub with a gateway.
pub(crate) struct Gate {
    child: Child,
    lines: mpsc::Receiver<String>,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) address: String,
    /// The console's origin.
    pub(crate) hub: String,
    pub(crate) directory: tempfile::TempDir,
}

/// What a hub is told besides where its cluster is.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// An address of this machine under which the hub is reached too; its own port is `{hub}`.
    pub(crate) host: Option<&'a str>,
    /// Lines of `[[cluster]]`.
    pub(crate) cluster: &'a str,
    /// Lines of `[gateway]`. Files may be named below `{dir}`.
    pub(crate) settings: &'a str,
    pub(crate) files: &'a [(&'a str, &'a str)],
}

impl Gate {
    /// Starts one before the cluster of a kubeconfig; `settings` are lines of `[gateway]`, and files may be
    /// named below `{dir}`.
    pub(crate) fn start(kubeconfig: &Path, settings: &str, files: &[(&str, &str)]) -> Self {
        Self::start_as(kubeconfig, &Setup { settings, files, ..Setup::default() })
    }

    pub(crate) fn start_as(kubeconfig: &Path, setup: &Setup<'_>) -> Self {
        let Setup { host, cluster, settings, files } = *setup;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap().to_owned();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        // Known beforehand, because an origin and a kubeconfig name them.
        let (hub, gateway) = (free_port(), free_port());
        let filled = |lines: &str| lines.replace("{dir}", &path).replace("{hub}", &hub.to_string());
        let listen = if host.is_some() { "0.0.0.0" } else { "127.0.0.1" };
        let more = host.map(|host| format!(", \"https://{host}:{hub}\"")).unwrap_or_default();
        let config = format!(
            "[server]\nlisten = \"{listen}:{hub}\"\norigins = [\"https://localhost:{hub}\"{more}]\ndrain_grace_s = 1\n\
             [posture]\nscan_every_hours = 0\n\
             [tls]\nself_signed = true\n[store]\ndirectory = \"{path}/data\"\n\
             [[cluster]]\nname = \"demo\"\nkubeconfig = \"{}\"\n{}\n\
             [gateway]\nlisten = \"127.0.0.1:{gateway}\"\nbase_domain = \"gate.test\"\n{}\n",
            kubeconfig.display(),
            filled(cluster),
            filled(settings),
        );
        let file = directory.path().join("sallyport.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = support::sallyport(&["--config", file.to_str().unwrap(), "serve"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&kept);
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                all.lock().unwrap().push(line.clone());
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let hub = format!("https://localhost:{hub}");
        let mut gate = Self { child, lines, log: kept, address: String::new(), hub, directory };
        let line = gate.told("the gateway serves");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let port = line["address"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned();
        gate.address = format!("localhost:{port}");
        gate.told("the hub serves");
        gate
    }

    /// Waits for a line of the log.
    pub(crate) fn told(&self, message: &str) -> String {
        let mut seen = Vec::new();
        let until = Instant::now() + SOON;
        while let Ok(line) =
            self.lines.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            if line.contains(message) {
                return line;
            }
            seen.push(line);
        }
        panic!("`{message}` was not told: {seen:#?}");
    }

    /// Waits until a line is somewhere in the log, be it before what was waited for last.
    pub(crate) fn logged(&self, message: &str) {
        let until = Instant::now() + SOON;
        while !self.log.lock().unwrap().iter().any(|line| line.contains(message)) {
            assert!(Instant::now() < until, "`{message}` was not told: {:#?}", self.log.lock());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The data directory of the hub.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.path().join("data/demo-ca.pem")
    }

    /// Where it listens, for a client that shows a certificate or none.
    pub(crate) fn endpoint(&self, identity: Option<(&str, &str)>) -> Endpoint {
        let trust = Trust::Pem(std::fs::read_to_string(self.ca()).unwrap());
        let config = trust.client_config_as(identity).unwrap();
        Endpoint::with_client_config(&format!("https://{}", self.address), config).unwrap()
    }

    /// Writes a file of its own anew.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    /// The requests recorded so far, once there is one that fits.
    pub(crate) fn recorded(
        &self,
        fits: impl Fn(&serde_json::Value) -> bool,
    ) -> Vec<serde_json::Value> {
        let until = Instant::now() + SOON;
        loop {
            let data = self.directory.path().join("data");
            let command = ["admin", "requests", "--limit", "1000", "--json"];
            let said = support::in_directory(&data, &command, "");
            let rows: Vec<serde_json::Value> =
                said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            if rows.iter().any(&fits) {
                return rows;
            }
            assert!(Instant::now() < until, "not recorded: {rows:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The cluster of the tests.
pub(crate) struct Real {
    pub(crate) kubeconfig: PathBuf,
    folder: PathBuf,
    kubectl: PathBuf,
    home: tempfile::TempDir,
}

impl Real {
    pub(crate) fn of_tests() -> Self {
        let path = std::env::var_os("SALLYPORT_TEST_KUBECONFIG").expect(
            "SALLYPORT_TEST_KUBECONFIG is not set: start a cluster with `cluster/cluster up --name test`",
        );
        Self::of_kubeconfig(PathBuf::from(path))
    }

    pub(crate) fn of_kubeconfig(kubeconfig: PathBuf) -> Self {
        let folder = kubeconfig.parent().unwrap().to_owned();
        let programs = std::fs::read_to_string(folder.join("programs")).unwrap();
        let kubectl = Path::new(programs.trim()).join("kubectl");
        Self { kubeconfig, folder, kubectl, home: tempfile::tempdir().unwrap() }
    }

    /// A file of the cluster's own, such as `pki/ca.crt`.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// The static token that the API server knows a user by.
    pub(crate) fn token_of(&self, user: &str) -> String {
        let tokens = std::fs::read_to_string(self.folder.join("tokens.csv")).unwrap();
        let row = tokens.lines().find(|row| row.split(',').nth(1) == Some(user)).unwrap();
        row.split(',').next().unwrap().to_owned()
    }

    /// kubectl as the administrator, directly.
    pub(crate) fn admin(&self, arguments: &[&str]) -> String {
        self.admin_with(arguments, "")
    }

    pub(crate) fn admin_with(&self, arguments: &[&str], input: &str) -> String {
        let kubeconfig = self.kubeconfig.to_str().unwrap();
        let mut command = self.command(&["--kubeconfig", kubeconfig]);
        command.args(arguments);
        let output = with_input(command, input.as_bytes());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// kubectl with nothing of this machine's.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.args(arguments).env_remove("KUBECONFIG").env("HOME", self.home.path());
        command
    }

    /// The address of the API server and its authority's file.
    pub(crate) fn server(&self) -> (String, String) {
        let server = self.admin(&[
            "config",
            "view",
            "--minify",
            "-o",
            "jsonpath={.clusters[0].cluster.server}",
        ]);
        (server, self.file("pki/ca.crt"))
    }
}

/// A port that nobody listened on a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs a command with an input.
pub(crate) fn with_input(mut command: Command, input: &[u8]) -> Output {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// A name that no other run uses.
pub(crate) fn unique(what: &str) -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{what}-{}-{}", std::process::id(), nanos.as_nanos() % 1_000_000_000)
}
