"""Run benchmarks and keep what they say: `python -m benchmarks record [NAME …]`.

Each prints JSON, which goes to docs/results/NAME.json with the command, the commit and the day;
`python -m benchmarks page` makes docs/benchmarks.md of it. On a machine that does nothing else.
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

RESULTS: Final = Path("docs/results")
RUNS: Final = {
    "model": [],
    "bridge": [],
    "classify": [],
    "window_peers": ["--devices", "1000"],
    "sink": [],
    "replay": [],
    "end_to_end": ["--devices", "20", "200", "400"],
    "sources": [],
    "hearing": [],
    "sirens": [],
    "pages": [],
    "load": ["--devices", "2000", "--seconds", "300", "--outage", "600"],
    "faults": ["--kills", "30", "--seed", "1"],
    "disaster": [],
    "fuzz": [],
}
"""What is kept, and how it is asked."""


def record(name: str) -> float:
    """Run one and keep its answer; how long it took, s.

    Raises
    ------
    subprocess.CalledProcessError
        If it failed: nothing is kept then.
    """
    command = ["-m", "benchmarks", name, *RUNS[name], "--json"]
    began_s = time.monotonic()
    done = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, check=True)
    kept = {
        "command": " ".join(["python", *command]),
        "commit": _commit(),
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",
        "result": json.loads(done.stdout),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(kept, indent=1) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    return time.monotonic() - began_s


def _commit() -> str:
    """What is checked out; what this very command writes is no change of it."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{RESULTS}")
    return _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    said = subprocess.run(["git", *words], capture_output=True, text=True, check=True)
    return said.stdout.strip()


def main() -> None:
    """Record those that are named, or all."""
    parser = argparse.ArgumentParser(description="run benchmarks and keep what they say")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    failed = 0
    for name in parser.parse_args().names or RUNS:
        if name not in RUNS:
            parser.error(f"no {name!r}; there are {', '.join(RUNS)}")
        try:
            took = f"{record(name):.0f} s"
        except subprocess.CalledProcessError as error:
            took, failed = f"failed, status {error.returncode}; it said\n{error.stdout.decode()}", 1
        sys.stdout.write(f"{name}: {took}\n")
        sys.stdout.flush()
    sys.exit(failed)


if __name__ == "__main__":
    main()
