#!/usr/bin/env python3
"""Verdicts of Sallyport and Checkov beside each other, file by file and rule by rule, on a folder of manifests.

    bench/posture/compare.py --sallyport BIN --checkov BIN FOLDER

A rule of Checkov's fails in a file if it fails for one of its objects; ours fails there if a check mapped to it does.
Every difference is printed with its file, so that it can be judged; the sums come last.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import tempfile


def theirs(checkov: str, folder: pathlib.Path) -> dict[tuple[str, str], bool]:
    command = [checkov, "--framework", "kubernetes", "--quiet", "-o", "json", "-d", str(folder.resolve())]
    found = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    results = (found[0] if isinstance(found, list) else found)["results"]
    verdicts: dict[tuple[str, str], bool] = {}
    for kind, fails in (("passed_checks", False), ("failed_checks", True)):
        for one in results.get(kind, []):
            key = (one["file_path"].lstrip("/"), one["check_id"])
            verdicts[key] = verdicts.get(key, False) or fails
    return verdicts


def ours(sallyport: str, folder: pathlib.Path) -> tuple[dict[tuple[str, str], str], set[str]]:
    with tempfile.NamedTemporaryFile() as report:
        command = [sallyport, "scan", "manifests", str(folder), "--min-severity", "info", "--all"]
        subprocess.run([*command, "--format", "json", "--output", report.name], check=False)
        found = json.loads(pathlib.Path(report.name).read_text())
    verdicts: dict[tuple[str, str], str] = {}
    order = ["not-applicable", "pass", "unknown", "fail"]
    mappings = {check["id"]: check["mappings"] for check in found["checks"]}
    for one in found["findings"]:
        name = str(pathlib.Path(one["source"]).relative_to(folder))
        for mapping in mappings[one["check"]]:
            if mapping["framework"] != "checkov":
                continue
            key = (name, mapping["control"])
            worst = max(verdicts.get(key, "not-applicable"), one["verdict"], key=order.index)
            verdicts[key] = worst
    unreadable = {str(pathlib.Path(one["source"]).relative_to(folder)) for one in found["unreadable"]}
    return verdicts, unreadable


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sallyport", required=True)
    parser.add_argument("--checkov", required=True)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    mine, unreadable = ours(arguments.sallyport, arguments.folder)
    other = theirs(arguments.checkov, arguments.folder)
    sums: collections.Counter[str] = collections.Counter()
    by_rule: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for (name, rule), fails in sorted(other.items()):
        own = mine.get((name, rule))
        if own is None:
            outcome = "not covered" if name not in unreadable else "unreadable to us"
        elif own == "unknown":
            outcome = "unknown to us"
        elif (own == "fail") == fails:
            outcome = "same"
        else:
            outcome = "only ours fails" if own == "fail" else "only theirs fails"
            print(f"{rule}  {name}: {outcome}")
        sums[outcome] += 1
        by_rule[rule][outcome] += 1
    print()
    for rule, counts in sorted(by_rule.items(), key=lambda item: int(item[0].split("_")[-1])):
        if set(counts) - {"same", "not covered"}:
            print(f"{rule}: {dict(counts)}")
    print(f"all: {dict(sums)}")


if __name__ == "__main__":
    main()
