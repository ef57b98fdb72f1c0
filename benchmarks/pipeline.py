"""From files to report: time and memory of the whole job, on real texts where they are at hand.

Run from the project's folder::

    python benchmarks/pipeline.py            # the 67 "study" documents of AGORA and 24 Chinese originals
    python benchmarks/pipeline.py --scale    # cost per document from 10 to 400 documents
    python benchmarks/pipeline.py --short    # the bundled study only, for CI
    python benchmarks/pipeline.py --json out.json

Each run is a process of its own. Time is wall time; memory is the largest sum of proportional set
sizes (PSS) of the process and its workers, sampled five times a second. Ratios are of figures
measured in one run of this script.
"""

import argparse
import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"

JOB = """
import sys
from qiutong import Study
folder, like, *sources = sys.argv[1:]
from pathlib import Path
import time
clock = time.perf_counter()
def lap(name):
    global clock
    now = time.perf_counter()
    print(f"{name}={now - clock:.2f}", end=" ", flush=True)
    clock = now
if (Path(folder) / "study.toml").exists():
    study = Study(folder)
else:
    study = Study.create(folder, ["us", "cn"], like=like if like != "-" else "")
for source in sources:
    path, _, only = source.partition("?")
    report = study.add(path, party="us", only=dict([only.split("=")]) if only else None)
    if report.failed:
        print(report.failed, file=sys.stderr)
lap("add")
study.code()
lap("code")
results = study.results()
lap("results")
study.report(language="en", results=results)
lap("report")
print(f"documents={len(study.documents())}", f"segments={sum(results.segments.values())}")
"""


def family(pid: int) -> list[int]:
    """Process ids of a process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += family(int(child))
        except OSError:
            continue
    return found


def pss_bytes(pid: int) -> int:
    """Proportional set size of one process in bytes; 0 when it has gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def run(folder: Path, sources: list[str], like: str = "-") -> dict[str, float | str]:
    """Run the job once in a process of its own and measure it."""
    peak = 0
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", JOB, str(folder), like, *sources], stdout=subprocess.PIPE, text=True
    )
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.2):
            peak = max(peak, sum(pss_bytes(pid) for pid in family(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    wall_s = time.perf_counter() - begun
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"the job failed on {sources}")
    facts = dict(pair.split("=") for pair in output.split())
    return {"wall_s": wall_s, "peak_mb": peak / 1e6, **{k: float(v) for k, v in facts.items()}}


def chinese_register(folder: Path, leave_out: int) -> tuple[Path, Path]:
    """Registers of the Chinese originals: all but some, and those."""
    with (SHARED / "zh" / "index.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    known = {row["file"] for row in rows}
    rows += [
        {"file": path.name, "title_zh": path.stem, "issuer": "", "date": ""}
        for path in sorted((SHARED / "zh").glob("*.txt"))
        if path.name not in known
    ]
    paths = folder / "zh.csv", folder / "zh-last.csv"
    for path, part in zip(paths, (rows[:-leave_out], rows[-leave_out:]), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "party", "title", "issuer", "date", "status"])
            for row in part:
                day = row["date"].split()[0] if row["date"] else ""
                writer.writerow(
                    [
                        SHARED / "zh" / row["file"],
                        "cn",
                        row["title_zh"],
                        row["issuer"],
                        day,
                        "in-force",
                    ]
                )
    return paths


def agora_register(folder: Path) -> Path:
    """Register of the 67 "study" documents; all that is not Chinese stands on one side."""
    target = folder / "agora.csv"
    with (SHARED / "agora" / "documents.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "study"]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "file", "party", "title", "date"])
        for row in rows:
            text = SHARED / "agora" / "fulltext" / f"{row['AGORA ID']}.txt"
            side = "cn" if row["Authority"].startswith("Chinese") else "us"
            writer.writerow(
                [f"a{row['AGORA ID']}", text, side, row["Official name"], row["Proposed date"]]
            )
    return target


def table(rows: list[dict[str, float | str]]) -> None:
    """Print measurements as a table."""
    names = [
        "run",
        "documents",
        "segments",
        "wall_s",
        "peak_mb",
        "add",
        "code",
        "results",
        "report",
    ]
    print("  ".join(f"{name:>10}" if name != "run" else f"{name:<34}" for name in names))
    for row in rows:
        cells = []
        for name in names:
            value = row.get(name, "")
            if name == "run":
                cells.append(f"{value:<34}")
            elif isinstance(value, float):
                cells.append(
                    f"{value:>10,.0f}"
                    if value >= 100 or name in ("documents", "segments")
                    else f"{value:>10.2f}"
                )
            else:
                cells.append(f"{value:>10}")
        print("  ".join(cells))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    asked = parser.parse_args()
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    print(
        f"{platform.platform()}; {model}; {os.cpu_count()} cores; Python {platform.python_version()}\n"
    )
    work = Path(tempfile.mkdtemp(prefix="qiutong-bench-"))
    rows: list[dict[str, float | str]] = []
    try:
        if asked.short or not SHARED.is_dir():
            if not asked.short:
                print(
                    "The real texts of ../shared/data are not here; measuring the bundled study.\n"
                )
            rows.append({"run": "bundled study, first", **run(work / "bundled", [], "us-china-ai")})
            rows.append({"run": "bundled study, again", **run(work / "bundled", [])})
            table(rows)
        elif asked.scale:
            agora = SHARED / "agora"
            with (agora / "documents.csv").open(encoding="utf-8-sig", newline="") as file:
                dev = [row["AGORA ID"] for row in csv.DictReader(file) if row["split"] == "dev"]
            # A few texts stand twice in the data set, and a study takes a text once.
            texts = {(agora / "fulltext" / f"{one}.txt").read_bytes(): one for one in reversed(dev)}
            dev = sorted(texts.values(), key=dev.index)
            other, _ = chinese_register(work, 1)
            for size in (10, 25, 50, 100, 200, 400):
                part = work / f"dev-{size}.csv"
                with part.open("w", encoding="utf-8", newline="") as file:
                    writer = csv.writer(file)
                    writer.writerow(["id", "file", "party"])
                    for identity in dev[:size]:
                        writer.writerow(
                            [f"a{identity}", agora / "fulltext" / f"{identity}.txt", "us"]
                        )
                few = work / "few.csv"
                few.write_text(
                    "".join(other.read_text(encoding="utf-8").splitlines(True)[:3]),
                    encoding="utf-8",
                )
                measured = run(work / f"dev-{size}", [str(part), str(few)])
                characters = sum(
                    (agora / "fulltext" / f"{one}.txt").stat().st_size for one in dev[:size]
                )
                measured["run"] = f"{size} dev documents, {characters / 1e6:.1f} MB"
                measured["per_document_s"] = float(measured["wall_s"]) / size
                measured["per_mb_s"] = float(measured["wall_s"]) / (characters / 1e6)
                rows.append(measured)
            table(rows)
            print("\nPer document, and per MB of text (documents differ in length):")
            for row in rows:
                print(
                    f"  {row['run']:<34} {row['per_document_s']:.3f} s   {row['per_mb_s']:.1f} s/MB"
                )
        else:
            most, last = chinese_register(work, 1)
            agora = agora_register(work)
            first = run(work / "real", [str(agora), str(most)])
            rows.append({"run": "all but one document, first run", **first})
            again = run(work / "real", [str(last)])
            rows.append({"run": "one document more, second run", **again})
            table(rows)
            ratio = float(again["wall_s"]) / float(first["wall_s"])
            print(f"\nsecond run / first run: {ratio:.3f}")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if asked.json:
        Path(asked.json).write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
