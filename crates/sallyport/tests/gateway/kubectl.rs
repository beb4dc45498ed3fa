//! Unmodified kubectl through the gateway, beside the same kubectl directly, as the same person by the same token.

use crate::gate::{Gate, Real, SOON, unique, with_input};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

const IMAGE: &str = "sallyport.test/busybox:1";

/// alice of the cluster's token file, on both ways, in a namespace of her own.
struct Both {
    real: Real,
    gate: Gate,
    namespace: String,
    token: String,
}

impl Both {
    fn prepare() -> Self {
        let real = Real::of_tests();
        let namespace = unique("gateway-test");
        real.admin(&["create", "namespace", &namespace]);
        real.admin(&[
            "-n",
            &namespace,
            "create",
            "rolebinding",
            "alice",
            "--clusterrole",
            "admin",
            "--user",
            "alice",
        ]);
        let gate = Gate::start(&real.kubeconfig, "", &[]);
        let token = real.token_of("alice");
        Self { real, gate, namespace, token }
    }

    fn command(&self, server: &str, ca: &str, arguments: &[&str]) -> Command {
        let place = ["--server", server, "--certificate-authority", ca, "--token", &self.token];
        let mut command = self.real.command(&place);
        command.args(["--namespace", &self.namespace]).args(arguments);
        command
    }

    fn through(&self, arguments: &[&str]) -> Command {
        let server = format!("https://{}/clusters/demo", self.gate.address);
        self.command(&server, self.gate.ca().to_str().unwrap(), arguments)
    }

    fn directly(&self, arguments: &[&str]) -> Command {
        let (server, ca) = self.real.server();
        self.command(&server, &ca, arguments)
    }

    /// Runs it on both ways; what is said must be the same.
    fn same(&self, arguments: &[&str]) -> Output {
        self.same_with(arguments, b"", &[])
    }

    fn same_with(&self, arguments: &[&str], input: &[u8], environment: &[(&str, &str)]) -> Output {
        let run = |mut command: Command| {
            command.envs(environment.iter().copied());
            with_input(command, input)
        };
        let (through, direct) = (run(self.through(arguments)), run(self.directly(arguments)));
        // kubectl's own log has times and process ids in it.
        let text = |bytes: &[u8]| {
            let all = String::from_utf8_lossy(bytes).into_owned();
            all.lines()
                .filter(|line| !line.starts_with("E1") && !line.starts_with("E0"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let error = text(&through.stderr);
        assert_eq!(through.status.code(), direct.status.code(), "{arguments:?}: {error}");
        assert_eq!(error, text(&direct.stderr), "{arguments:?}");
        assert!(through.stdout == direct.stdout, "{arguments:?}: {}", text(&through.stdout));
        through
    }

    fn ok(&self, arguments: &[&str], input: &str) -> String {
        let output = with_input(self.through(arguments), input.as_bytes());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn pod(&self, name: &str, script: &str) {
        let manifest = format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}"}},"spec":{{"terminationGracePeriodSeconds":0,"restartPolicy":"Never",
            "containers":[{{"name":"main","image":"{IMAGE}","imagePullPolicy":"IfNotPresent","command":["sh","-c",{script:?}]}}]}}}}"#
        );
        let said = self.ok(&["apply", "-f", "-"], &manifest);
        assert_eq!(said.trim(), format!("pod/{name} created"));
        let again = self.same_with(&["apply", "-f", "-"], manifest.as_bytes(), &[]);
        assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), format!("pod/{name} unchanged"));
    }

    fn ready(&self, name: &str) {
        self.ok(&["wait", "--for=condition=Ready", "--timeout=60s", "pod", name], "");
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        let mut command = self.real.command(&["--kubeconfig"]);
        command.arg(&self.real.kubeconfig);
        command.args(["delete", "namespace", &self.namespace, "--wait=false"]).output().ok();
    }
}

#[test]
fn reading_writing_and_refusals_are_the_same() {
    let both = Both::prepare();
    both.same(&["auth", "whoami", "-o", "jsonpath={.status.userInfo}"]);
    both.same(&["version", "-o", "json"]);
    both.same(&["api-resources"]);
    both.same(&["get", "nodes"]);
    both.same(&["get", "pods", "-A"]);
    both.same(&["get", "configmap", "none"]);
    both.same(&["auth", "can-i", "--list"]);
    both.ok(&["create", "configmap", "one", "--from-literal=a=b"], "");
    both.same(&["get", "configmap", "one", "-o", "yaml"]);
    both.same(&["create", "configmap", "one"]);
    both.same(&["get", "configmaps", "-o", "name"]);
    both.same(&["explain", "pod.spec"]);
    both.ok(&["patch", "configmap", "one", "--type=merge", "-p", r#"{"data":{"a":"c"}}"#], "");
    both.same(&["get", "configmap", "one", "-o", "jsonpath={.data.a}"]);
    // A megabyte, up and down.
    let large = "x".repeat(900_000);
    let file = both.gate.directory.path().join("large");
    std::fs::write(&file, &large).unwrap();
    both.ok(
        &["create", "configmap", "large", &format!("--from-file=large={}", file.display())],
        "",
    );
    let got = both.same(&["get", "configmap", "large", "-o", "jsonpath={.data.large}"]);
    assert!(got.stdout == large.as_bytes());
    both.ok(&["delete", "configmap", "one"], "");
    both.same(&["get", "configmap", "one"]);
    both.gate.recorded(|row| {
        row["user_name"] == "alice"
            && row["method"] == "token_review"
            && row["verb"] == "delete"
            && row["resource"] == "configmaps"
            && row["name"] == "one"
            && row["status"] == 200
            && row["cluster"] == "demo"
    });
}

#[test]
fn a_watch_tells_events_as_they_happen() {
    let both = Both::prepare();
    let mut watch = both
        .through(&["get", "configmaps", "--watch-only", "--output-watch-events", "-o", "name"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    let output = BufReader::new(watch.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            sender.send(line).ok();
        }
    });
    // The watch has begun once it is recorded.
    both.gate.recorded(|row| row["verb"] == "watch" && row["resource"] == "configmaps");
    for name in ["first", "second"] {
        both.real.admin(&["-n", &both.namespace, "create", "configmap", name]);
        loop {
            let line = lines.recv_timeout(SOON).expect("the event comes while the watch is open");
            if line.contains(name) {
                break;
            }
        }
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn logs_exec_copy_and_ports_work_over_web_sockets_and_spdy() {
    let both = Both::prepare();
    both.pod("talker", "for n in 1 2 3; do echo line $n; sleep 1; done");
    both.pod("server", "mkdir /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www");
    both.ready("server");
    let followed = both.ok(&["logs", "-f", "talker"], "");
    assert_eq!(followed, "line 1\nline 2\nline 3\n");
    both.same(&["logs", "talker"]);

    let mut payload = vec![0_u8; 1_000_000];
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte = u8::try_from((at * at + at / 7) % 256).unwrap();
    }
    let file = both.gate.directory.path().join("payload");
    std::fs::write(&file, &payload).unwrap();
    for (protocol, environment) in [
        (
            "websocket",
            [
                ("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "true"),
                ("KUBECTL_PORT_FORWARD_WEBSOCKETS", "true"),
            ],
        ),
        (
            "spdy",
            [
                ("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false"),
                ("KUBECTL_PORT_FORWARD_WEBSOCKETS", "false"),
            ],
        ),
    ] {
        let script = ["exec", "server", "--", "sh", "-c", "echo out; echo err >&2; exit 3"];
        let output = both.same_with(&script, b"", &environment);
        assert_eq!(
            (output.status.code(), output.stdout.as_slice()),
            (Some(3), b"out\n".as_slice())
        );
        let echoed = both.same_with(&["exec", "-i", "server", "--", "cat"], &payload, &environment);
        assert!(echoed.stdout == payload, "{protocol}: every byte comes back");
        let copy = |from: &str, to: &str| {
            let mut command = both.through(&["cp", from, to]);
            command.envs(environment);
            let output = with_input(command, b"");
            assert!(
                output.status.success(),
                "{protocol}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        let back = both.gate.directory.path().join(format!("back-{protocol}"));
        copy(file.to_str().unwrap(), "server:/tmp/payload");
        copy("server:/tmp/payload", back.to_str().unwrap());
        assert!(std::fs::read(&back).unwrap() == payload, "{protocol}");
        assert_eq!(fetched(&both, &environment), "hello\n", "{protocol}");
    }
    let missing = both.same(&["exec", "none", "--", "true"]);
    assert_eq!(missing.status.code(), Some(1));
    both.gate.recorded(|row| row["subresource"] == "exec" && row["status"] == 101);
    both.gate.recorded(|row| row["subresource"] == "portforward" && row["status"] == 101);
}

/// What the Pod serves, through a forwarded port.
fn fetched(both: &Both, environment: &[(&str, &str)]) -> String {
    let mut forward = both
        .through(&["port-forward", "pod/server", ":8080", "--address", "127.0.0.1"])
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(forward.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    let until = Instant::now() + SOON;
    let mut buffer = [0; 4096];
    while !answer.contains("hello\n") && Instant::now() < until {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            read => answer.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
    forward.kill().unwrap();
    forward.wait().unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or(answer)
}

#[test]
fn acting_as_another_takes_the_right_to_it() {
    let both = Both::prepare();
    let role = unique("gateway-impersonate");
    both.same(&["get", "pods", "--as", "bob"]);
    both.same(&["get", "pods", "--as", "alice", "--as-group", "system:masters"]);
    both.same(&["get", "pods", "--as", "system:serviceaccount:kube-system:default"]);
    both.same(&["get", "pods", "--as", "bob", "--as-uid", "7"]);
    both.same(&["get", "pods", "--as", "bob", "--as-user-extra", "scopes=all"]);
    both.real.admin_with(
        &["apply", "-f", "-"],
        &format!(
            r#"{{"apiVersion":"v1","kind":"List","items":[
            {{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{{"name":"{role}"}},"rules":[
              {{"apiGroups":[""],"resources":["users","groups"],"resourceNames":["bob","ops"],"verbs":["impersonate"]}},
              {{"apiGroups":["authentication.k8s.io"],"resources":["userextras/scopes"],"resourceNames":["view"],"verbs":["impersonate"]}}]}},
            {{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{{"name":"{role}"}},
              "roleRef":{{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"{role}"}},
              "subjects":[{{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"alice"}}]}}]}}"#
        ),
    );
    let allowed = [
        "auth",
        "whoami",
        "-o",
        "jsonpath={.status.userInfo}",
        "--as",
        "bob",
        "--as-group",
        "ops",
        "--as-user-extra",
        "scopes=view",
    ];
    let said = both.same(&allowed);
    let who: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(who["username"], "bob");
    both.same(&["get", "pods", "--as", "bob"]);
    both.same(&["get", "pods", "--as", "bob", "--as-group", "ops", "--as-group", "system:masters"]);
    both.same(&["get", "pods", "--as", "carol"]);
    both.real.admin(&["delete", "clusterrolebinding,clusterrole", &role]);
    let rows = both.gate.recorded(|row| row["acting_as"] == "bob" && row["status"] == 201);
    assert!(
        rows.iter().all(|row| row["user_name"] == "alice"),
        "the sender is on record, not the mask"
    );
    assert!(rows.iter().any(|row| row["acting_as"] == "carol" && row["status"] == 403));
}
