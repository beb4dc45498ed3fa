#!/usr/bin/env python3
"""Sallyport and tshark on the same capture of a real API server with the same keys, in one run: bytes of capture in a
CPU second, peak memory, the messages that each finds, and how near that is to what the machine can decrypt at all.

    bench/traffic/bench.py --sallyport BIN --kubeconfig FILE [--megabytes 1100] [--ek-megabytes 60]

curl lists and reads ConfigMaps of a namespace of its own through HTTP/2 and TLS 1.3 while tcpdump captures; the keys
are what curl writes. tshark's `-T ek` is so slow that it gets a capture of its own, made in the same way. CPU time is
user and system time of a process and its children, as the kernel counts it.
"""
import argparse
import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

NAMESPACE = "bench-traffic"
OBJECTS = 200
FIELDS = ["frame.number", "frame.time_epoch", "ip.src", "ip.dst", "tcp.stream", "http2.streamid", "http2.type",
          "http2.headers.method", "http2.headers.path", "http2.headers.status", "http2.length"]


class Api:
    """The API server, by the client certificate of a kubeconfig."""

    def __init__(self, kubeconfig: pathlib.Path, folder: pathlib.Path) -> None:
        # kubeconfigs of the local cluster have one context and hold their material inline.
        text = kubeconfig.read_text()

        def field(name: str) -> str:
            found = re.search(rf"^\s*-?\s*{name}:\s*(\S+)\s*$", text, re.MULTILINE)
            return found[1].strip('"') if found else sys.exit(f"{kubeconfig} has no {name}")

        self.server = field("server")
        self.files = {}
        for option, name in (("cacert", "certificate-authority-data"), ("cert", "client-certificate-data"),
                             ("key", "client-key-data")):
            self.files[option] = folder / option
            self.files[option].touch(mode=0o600)
            self.files[option].write_bytes(base64.b64decode(field(name)))

    def curl(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        files = [word for option, file in self.files.items() for word in (f"--{option}", str(file))]
        return subprocess.run(["curl", "--silent", "--show-error", "--fail", "--http2", *files, *arguments], check=True, **more)

    def post(self, path: str, body: dict[str, Any]) -> None:
        self.curl("--json", json.dumps(body), "--output", "/dev/null", self.server + path)


def fill(api: Api) -> None:
    api.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    for n in range(OBJECTS):
        data = {f"line-{line}": f"{n * line:064x}" for line in range(24)}
        api.post(f"/api/v1/namespaces/{NAMESPACE}/configmaps", {"metadata": {"name": f"map-{n}"}, "data": data})


def requests(folder: pathlib.Path, api: Api, lists: int) -> pathlib.Path:
    """What curl is to ask: for each list of everything, twenty objects one by one."""
    maps = f"{api.server}/api/v1/namespaces/{NAMESPACE}/configmaps"
    urls = [url for n in range(lists)
            for url in (f"{maps}?limit=500&n={n}", *(f"{maps}/map-{(n * 20 + i) % OBJECTS}" for i in range(20)))]
    file = folder / "requests"
    file.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
    return file


def capture(folder: pathlib.Path, name: str, api: Api, megabytes: float) -> tuple[tuple[pathlib.Path, pathlib.Path], int]:
    """A capture of at least so many megabytes with its keys, and how many requests were answered in it."""
    packets, keys = folder / f"{name}.pcap", folder / f"{name}.keys"
    host, port = api.server.removeprefix("https://").rsplit(":", 1)
    # One interface, so that no packet is seen twice.
    route = subprocess.run(["ip", "route", "get", host], check=True, capture_output=True, text=True).stdout
    interface = route.split(" dev ")[1].split()[0]
    command = ["tcpdump", "-i", interface, "-s", "0", "-B", "65536", "-w", str(packets), f"tcp port {port}"]
    tcpdump = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert tcpdump.stderr
    while b"listening on" not in (line := tcpdump.stderr.readline()):
        if not line:
            sys.exit("tcpdump did not start: it needs root")
    asked, answered = requests(folder, api, 25), 0
    environment = {**os.environ, "SSLKEYLOGFILE": str(keys)}
    while packets.stat().st_size < megabytes * 1e6:
        api.curl("--config", str(asked), env=environment)
        answered += asked.read_text().count("url = ")
    time.sleep(1)
    tcpdump.send_signal(signal.SIGINT)
    said = tcpdump.stderr.read().decode()
    tcpdump.wait()
    lost = re.search(r"(\d+) packets dropped by kernel", said)
    print(f"{name}: {packets.stat().st_size / 1e6:.0f} MB, {lost[1] if lost else '?'} packets lost by tcpdump", flush=True)
    return (packets, keys), answered


def measure(command: list[str], output: pathlib.Path) -> tuple[float, float]:
    """CPU seconds and peak MiB."""
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        sys.exit(f"{command[0]} ended with {code}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def line(name: str, size: float, cpu: float, memory: float, messages: int) -> float:
    rate = size / 1e6 / cpu
    print(f"  {name:24} {rate:9.1f} MB a CPU-s {cpu:9.2f} CPU-s {memory:8.0f} MiB {messages:9} messages", flush=True)
    return rate


def ours(binary: str, form: str, packets: pathlib.Path, keys: pathlib.Path, output: pathlib.Path) -> tuple[float, float, int]:
    cpu, memory = measure([binary, "traffic", "decode", str(packets), "--keys", str(keys), "--format", form], output)
    with output.open() as lines:
        messages = sum(bool(re.search(r'(  |"info":")HEADERS\[', row[:400])) for row in lines)
    return cpu, memory, messages


def fields(packets: pathlib.Path, keys: pathlib.Path, output: pathlib.Path) -> tuple[float, float, int]:
    command = ["tshark", "-n", "-r", str(packets), "-o", f"tls.keylog_file:{keys}", "-Y", "http2", "-T", "fields"]
    cpu, memory = measure(command + [word for name in FIELDS for word in ("-e", name)], output)
    messages = 0
    with output.open() as lines:
        for row in lines:
            types = row.split("\t")[FIELDS.index("http2.type")]
            messages += types.split(",").count("1")
    return cpu, memory, messages


def aead_limit() -> float:
    """MB a second that one core decrypts with AES-128-GCM in records of 16 KiB."""
    speed = ["openssl", "speed", "-decrypt", "-evp", "aes-128-gcm", "-bytes", "16384", "-seconds", "2", "-mr"]
    said = subprocess.run(speed, check=True, capture_output=True, text=True).stdout
    found = re.search(r"^\+F:\d+:[^:]*:([\d.]+)", said, re.MULTILINE)
    return float(found[1]) / 1e6 if found else sys.exit(f"openssl speed said nothing that is understood:\n{said}")


def goal(what: str, value: float, at_least: float) -> None:
    print(f"  {what}: {value:.1f} (goal ≥ {at_least:g}): {'met' if value >= at_least else 'MISSED'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sallyport", required=True)
    parser.add_argument("--kubeconfig", required=True, type=pathlib.Path)
    parser.add_argument("--megabytes", type=float, default=1100)
    parser.add_argument("--ek-megabytes", type=float, default=60)
    arguments = parser.parse_args()
    # Captures outgrow a /tmp that is memory.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        api = Api(arguments.kubeconfig, folder)
        fill(api)
        try:
            whole, answered = capture(folder, "capture", api, arguments.megabytes)
            cut, _ = capture(folder, "small capture", api, arguments.ek_megabytes)
        finally:
            api.curl("--request", "DELETE", "--output", "/dev/null", f"{api.server}/api/v1/namespaces/{NAMESPACE}")
        size = whole[0].stat().st_size
        # The table has what the fields have: times, addresses, streams, methods, paths, statuses, lengths.
        cpu, memory, messages = ours(arguments.sallyport, "table", *whole, folder / "ours")
        rate = line("sallyport, table", size, cpu, memory, messages)
        their_cpu, their_memory, their_messages = fields(*whole, folder / "fields")
        their_rate = line("tshark -T fields", size, their_cpu, their_memory, their_messages)
        ek = ["tshark", "-n", "-r", str(cut[0]), "-o", f"tls.keylog_file:{cut[1]}", "-Y", "http2", "-T", "ek"]
        ek_cpu, ek_memory = measure(ek, folder / "ek")
        small = cut[0].stat().st_size
        # The JSON lines have the bodies too, as `ek` has.
        own_cpu, own_memory, own_messages = ours(arguments.sallyport, "json", *cut, folder / "ours")
        own_rate = line("sallyport, JSON, small", small, own_cpu, own_memory, own_messages)
        ek_rate = line("tshark -T ek, small", small, ek_cpu, ek_memory, own_messages)
        limit = aead_limit()
        goal("times tshark -T fields", rate / their_rate, 40)
        goal("times tshark -T ek", own_rate / ek_rate, 300)
        goal("256 MiB in times our memory", 256 / memory, 1)
        print(f"  of the AEAD speed of one core ({limit:.0f} MB/s): {rate / limit:.1%}")
        # What was really said: a request and its answer each.
        print(f"  messages said {2 * answered}, told by sallyport {messages}, by tshark {their_messages}")
        if messages != 2 * answered:
            sys.exit("sallyport does not tell what was said")


if __name__ == "__main__":
    main()
