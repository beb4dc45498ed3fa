#!/usr/bin/env python3
"""The gateway beside HAProxy and `kubectl proxy`, in one run: what each adds to an answer's latency at a steady rate,
how many requests and bytes pass when as many are asked as go, and the processor time of each.

    bench/gateway/bench.py --sallyport BIN --kubeconfig FILE --kubectl BIN [--seconds 10]

h2load (Debian's nghttp2-client) asks with the token of a service account, over TLS and HTTP/2 except at `kubectl proxy`,
which has neither. The gateway verifies the token, impersonates, and records each request in SQLite; HAProxy does none
of it, on TLS at both sides. The second half stands before a server that answers at once (HAProxy again), since the real
API server is what is slowest in the first.
"""
import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

NAMESPACE = "bench-gateway"
TOKEN = "bench-gateway-token-of-nobody-else"
# A Pod as small ones are.
ANSWER = json.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "message": "x" * 2000})
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def cpu(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def until_open(port: int, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"{process.args} ended:\n{log.read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    sys.exit(f"{process.args} does not listen:\n{log.read_text()}")


@contextlib.contextmanager
def running(command: list[str], port: int, log: pathlib.Path) -> Iterator[int]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until_open(port, process, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def certificate(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate, and the same with its key in one file as HAProxy wants it."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, stderr=subprocess.DEVNULL)
    both = folder / "both.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return folder / "cert.pem", both


def haproxy(folder: pathlib.Path, name: str, port: int, backend: str, both: pathlib.Path) -> list[str]:
    config = folder / f"{name}.cfg"
    config.write_text(f"""global
  nbthread 2
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
frontend front
  bind 127.0.0.1:{port} ssl crt {both} alpn h2,http/1.1
{backend}
""")
    return ["haproxy", "-f", str(config), "-db"]


def hub(folder: pathlib.Path, name: str, sallyport: str, kubeconfig: pathlib.Path, port: int, settings: str) -> list[str]:
    config = folder / f"{name}.toml"
    config.write_text(f"""[server]
listen = "127.0.0.1:{free_port()}"
origins = ["https://localhost"]
drain_grace_s = 1
[tls]
self_signed = true
[store]
directory = "{folder}/{name}"
[posture]
scan_every_hours = 0
[[cluster]]
name = "demo"
kubeconfig = "{kubeconfig}"
context = "bench"
[gateway]
listen = "127.0.0.1:{port}"
{settings}
""")
    return [sallyport, "--config", str(config), "serve"]


def kubeconfig(file: pathlib.Path, server: str, authority: str, user: dict[str, str]) -> pathlib.Path:
    file.touch(mode=0o600)
    file.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": "bench", "user": user}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    }))
    return file


class Way:
    """One way to the API server, and the process whose time is counted."""

    def __init__(self, name: str, url: str, pid: int | None, h1: bool = False) -> None:
        self.name, self.url, self.pid, self.h1 = name, url, pid, h1

    def ask(self, path: str, token: str, log: pathlib.Path, *options: str) -> dict[str, float]:
        log.unlink(missing_ok=True)
        command = ["h2load", "--threads", "1", "--clients", "20", "--header", f"authorization: Bearer {token}",
                   "--log-file", str(log), *(["--h1"] if self.h1 else []), *options, self.url + path]
        before = cpu(self.pid) if self.pid else 0.0
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        spent = (cpu(self.pid) if self.pid else 0.0) - before
        rows = [line.split("\t") for line in log.read_text().splitlines()]
        good = sorted(int(took) for _, status, took in rows if status == "200")
        if not good or len(good) < 0.999 * len(rows):
            sys.exit(f"{self.name}: {len(good)} of {len(rows)} answers were 200\n{said}")
        rate = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s, ([\d.]+)(\w+)/s", said)
        if not rate:
            sys.exit(f"h2load said nothing that is understood:\n{said}")
        return {
            "p50": good[len(good) // 2] / 1e3, "p99": good[int(len(good) * 0.99)] / 1e3, "rate": float(rate[1]),
            "bulk": float(rate[2]) * {"B": 1e-6, "KB": 1e-3, "MB": 1, "GB": 1e3}[rate[3]],
            "cpu": spent * 1e3 / len(rows),
        }


def goal(what: str, value: float, limit: float, at_least: bool) -> None:
    met = value >= limit if at_least else value <= limit
    print(f"  {what}: {value:.2f} (goal {'≥' if at_least else '≤'} {limit:g}): {'met' if met else 'MISSED'}", flush=True)


def compare(title: str, ways: list[Way], small: str, large: str | None, token: str, folder: pathlib.Path, seconds: int) -> None:
    print(title, flush=True)
    found = {}
    for way in ways:
        log = folder / "h2load.log"
        way.ask(small, token, log, "--requests", "2000")
        # A second of h2load's own warming up is not part of it.
        steady = way.ask(small, token, log, "--duration", str(seconds), "--rps", "100")
        most = way.ask(small, token, log, "--duration", str(seconds))
        bulk = way.ask(large, token, log, "--duration", str(seconds)) if large else {"bulk": 0.0}
        found[way.name] = {"p99": steady["p99"], "cpu": most["cpu"], "rate": most["rate"], "bulk": bulk["bulk"]}
        print(f"  {way.name:14} at 2,000/s: p50 {steady['p50']:6.2f} p99 {steady['p99']:6.2f} ms"
              f"   most: {most['rate']:8.0f}/s p99 {most['p99']:6.2f} ms {most['cpu']:6.3f} CPU-ms each"
              f"   bulk {bulk['bulk']:6.0f} MB/s", flush=True)
    ours, direct, peer = found["gateway"], found["direct"], found["haproxy"]
    goal("added p99, ms", ours["p99"] - direct["p99"], 1, False)
    goal("CPU-ms a request", ours["cpu"], 0.1, False)
    goal("requests, times HAProxy", ours["rate"] / peer["rate"], 0.8, True)
    if large:
        goal("bulk, times HAProxy", ours["bulk"] / peer["bulk"], 0.9, True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sallyport", required=True)
    parser.add_argument("--kubeconfig", required=True, type=pathlib.Path)
    parser.add_argument("--kubectl", required=True)
    parser.add_argument("--seconds", type=int, default=10)
    arguments = parser.parse_args()
    kubectl = [arguments.kubectl, "--kubeconfig", str(arguments.kubeconfig)]
    raw = subprocess.run([*kubectl, "config", "view", "--raw", "--minify", "--output", "json"], check=True, capture_output=True)
    view = json.loads(raw.stdout)
    cluster, administrator = view["clusters"][0]["cluster"], view["users"][0]["user"]
    server, authority = cluster["server"], cluster["certificate-authority-data"]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        run = lambda *words: subprocess.run([*kubectl, *words], check=True, capture_output=True, text=True).stdout  # noqa: E731
        run("create", "namespace", NAMESPACE)
        stack.callback(run, "delete", "namespace", NAMESPACE, "--wait=false")
        run("--namespace", NAMESPACE, "create", "serviceaccount", "bench")
        run("--namespace", NAMESPACE, "create", "rolebinding", "bench", "--clusterrole=view", f"--serviceaccount={NAMESPACE}:bench")
        for n in range(100):
            run("--namespace", NAMESPACE, "create", "configmap", f"map-{n}", f"--from-literal=text={'y' * 8000}")
        token = run("--namespace", NAMESPACE, "create", "token", "bench").strip()
        cert, both = certificate(folder)
        authority_file = folder / "ca.pem"
        authority_file.write_bytes(base64.b64decode(authority))

        ports = [free_port() for _ in range(6)]
        urls = [f"https://127.0.0.1:{port}" for port in ports]
        own = kubeconfig(folder / "hub.kubeconfig", server, authority, administrator)
        gateway = stack.enter_context(running(hub(folder, "real", arguments.sallyport, own, ports[0], ""), ports[0], folder / "real.log"))
        before_server = f"  default_backend api\nbackend api\n  server api {server.removeprefix('https://')} ssl ca-file {authority_file} verify required"
        peer = stack.enter_context(running(haproxy(folder, "peer", ports[1], before_server, both), ports[1], folder / "peer.log"))
        proxy = stack.enter_context(running([*kubectl, "proxy", "--port", str(ports[2])], ports[2], folder / "proxy.log"))
        api = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
        compare("before the real API server", [
            Way("direct", server, None), Way("gateway", urls[0] + "/clusters/demo", gateway), Way("haproxy", urls[1], peer),
            Way("kubectl proxy", f"http://127.0.0.1:{ports[2]}", proxy, h1=True),
        ], f"{api}/map-1", api, token, folder, arguments.seconds)

        answer = f"  http-request return status 200 content-type application/json lf-file {folder}/answer"
        (folder / "answer").write_text(ANSWER)
        stack.enter_context(running(haproxy(folder, "double", ports[3], answer, both), ports[3], folder / "double.log"))
        tokens = folder / "tokens"
        tokens.touch(mode=0o600)
        tokens.write_text(f"{TOKEN},alice,1\n")
        to_double = kubeconfig(folder / "double.kubeconfig", urls[3], base64.b64encode(cert.read_bytes()).decode(), {"token": "of-the-hub"})
        settings = f'token_file = "{tokens}"\ntoken_review = false'
        gateway = stack.enter_context(running(hub(folder, "fast", arguments.sallyport, to_double, ports[4], settings), ports[4], folder / "fast.log"))
        before_double = f"  default_backend api\nbackend api\n  server api 127.0.0.1:{ports[3]} ssl ca-file {cert} verify required"
        peer = stack.enter_context(running(haproxy(folder, "peer2", ports[5], before_double, both), ports[5], folder / "peer2.log"))
        compare("before a server that answers at once", [
            Way("direct", urls[3], None), Way("gateway", urls[4] + "/clusters/demo", gateway), Way("haproxy", urls[5], peer),
        ], f"{api}/map-1", None, TOKEN, folder, arguments.seconds)


if __name__ == "__main__":
    main()
