"""Run benchmarks and keep what they say: `python -m benchmarks record [NAME …]`.

Each prints JSON, which goes to docs/results/NAME.json with the command, the commit and the day;
`python -m benchmarks page` makes docs/benchmarks.md of it. On a machine that does nothing else, and
from what is committed: `--anyway` keeps the figures of another one too.
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

BUSY: Final = 0.1
"""A machine does something else if so much of its processors is in use before we begin."""

_LOOKED_S: Final = 3.0


def record(name: str) -> float:
    """Run one and keep its answer; how long it took, s.

    Raises
    ------
    subprocess.CalledProcessError
        If it failed: nothing is kept then.
    """
    command = ["-m", "benchmarks", name, *RUNS[name], "--json"]
    busy_before = _busy()
    began_s = time.monotonic()
    done = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, check=True)
    kept = {
        "command": " ".join(["python", *command]),
        "commit": _commit(),
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",
        "busy_before": busy_before,
        "result": json.loads(done.stdout),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(kept, indent=1) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    return time.monotonic() - began_s


def why_not() -> str | None:
    """Why figures taken here and now would not be worth keeping."""
    if _commit().endswith("-dirty"):
        return "something is not committed, so nobody could take these figures again"
    busy = _busy()
    return f"the machine is busy with something else ({busy:.0%})" if busy > BUSY else None


def _busy() -> float:
    """Share of all processors' time that is in use at the moment."""
    before = _spent()
    time.sleep(_LOOKED_S)
    all_s, idle_s = (now - then for now, then in zip(_spent(), before, strict=True))
    return round(1 - idle_s / all_s, 3)


def _spent() -> tuple[int, int]:
    """All processors' time since the machine's start, and how much of it was idle."""
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="utf-8").split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


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
    parser.add_argument("--anyway", action="store_true", help="on a busy machine, uncommitted")
    asked, failed = parser.parse_args(), 0
    if unknown := set(asked.names) - RUNS.keys():
        parser.error(f"no {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    if not asked.anyway and (why := why_not()):
        parser.error(f"{why}: wait, or --anyway")
    for name in asked.names or RUNS:
        try:
            took = f"{record(name):.0f} s"
        except subprocess.CalledProcessError as error:
            took, failed = f"failed, status {error.returncode}; it said\n{error.stdout.decode()}", 1
        sys.stdout.write(f"{name}: {took}\n")
        sys.stdout.flush()
    sys.exit(failed)


if __name__ == "__main__":
    main()
