#!/usr/bin/env python3
"""Sallyport's scan and Checkov on the same manifests, in one run: CPU time, peak memory, and their ratios.

    bench/posture/bench.py --sallyport target/release/sallyport [--files 1000] [--checkov BIN]

Checkov comes from PyPI into a virtual environment beside the manifests, unless one is named. Each program runs alone,
with everything it has for Kubernetes switched on, and writes JSON. CPU time is user and system time of the process and
its children, as the kernel counts it.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{n}
  namespace: shop-{m}
  labels: {{app: web-{n}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: web-{n}}}
  template:
    metadata:
      labels: {{app: web-{n}}}
    spec:
      serviceAccountName: {account}
      hostPID: {host}
      containers:
      - name: app
        image: registry.example/app:{n}
        ports:
        - containerPort: 8080
        env:
        - name: MODE
          value: production
        resources:
          requests: {{cpu: 100m, memory: 64Mi}}
        securityContext:
          privileged: {host}
          runAsUser: {user}
      - name: side
        image: registry.example/side
---
apiVersion: v1
kind: Service
metadata:
  name: web-{n}
  namespace: shop-{m}
spec:
  selector: {{app: web-{n}}}
  ports:
  - port: 80
"""


def manifests(folder: pathlib.Path, files: int) -> None:
    folder.mkdir()
    for n in range(files):
        host = "true" if n % 7 == 0 else "false"
        account = "default" if n % 3 == 0 else f"web-{n}"
        user = 0 if n % 5 == 0 else 10001
        text = DEPLOYMENT.format(n=n, m=n % 20, host=host, account=account, user=user)
        (folder / f"web-{n:05}.yaml").write_text(text)


def measure(command: list[str], output: pathlib.Path) -> tuple[float, float]:
    """CPU seconds and peak MiB of a command, which may end with 1 because it found something."""
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):
        sys.exit(f"{command[0]} ended with {code}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def checkov(folder: pathlib.Path) -> str:
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([environment / "bin/pip", "install", "--quiet", "checkov"], check=True)
    return str(environment / "bin/checkov")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sallyport", required=True)
    parser.add_argument("--checkov")
    parser.add_argument("--files", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        theirs = arguments.checkov or checkov(folder)
        for files in (1, arguments.files):
            own = folder / f"manifests-{files}"
            manifests(own, files)
            ours = ["scan", "manifests", str(own), "--min-severity", "info", "--format", "json", "--all"]
            cpu, memory = measure([arguments.sallyport, *ours], folder / "ours.json")
            other = [theirs, "--framework", "kubernetes", "--quiet", "-o", "json", "-d", str(own)]
            other_cpu, other_memory = measure(other, folder / "theirs.json")
            count = len(json.loads((folder / "ours.json").read_text())["findings"])
            found = json.loads((folder / "theirs.json").read_text())
            summary = (found[0] if isinstance(found, list) else found)["summary"]
            print(f"{files} files, {2 * files} objects")
            print(f"  sallyport  {cpu:8.3f} CPU-s {memory:8.1f} MiB  {count} verdicts")
            print(f"  checkov    {other_cpu:8.3f} CPU-s {other_memory:8.1f} MiB  {summary['passed'] + summary['failed']} verdicts")
            print(f"  ratio      {other_cpu / max(cpu, 0.001):8.0f} x     {other_memory / memory:8.1f} x", flush=True)


if __name__ == "__main__":
    main()
