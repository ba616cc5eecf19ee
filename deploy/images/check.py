"""Whether an image holds what its role runs, and nothing that it should not; run while it is built.

Run by the image's own Python: `python deploy/images/check.py ROLE`.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

STARTS = {
    "agent": ("agents.service", "cityhum.simulate", "cityhum.agent"),
    "processors": ("processors.service", "cityhum.bridge", "cityhum.migrate", "cityhum.replay"),
    "notify": ("processors.service", "cityhum.notify"),
    "dashboard": ("dashboard.page", "streamlit"),
    "api": ("cityhum.api", "api.service"),
}
"""What a role's commands import."""

STRANGERS = ("tests", "training", "benchmarks", "torch", "pytest", "hypothesis", "ruff", "mypy")
SHARED = ("alerts.yaml", "sites.yaml", "kafka/topics.yaml")


def mistakes(role: str) -> list[str]:
    """Everything that is wrong with this environment.

    Parameters
    ----------
    role : str
        One of `STARTS`.
    """
    found = [f"{name} is here" for name in STRANGERS if importlib.util.find_spec(name)]
    for module in STARTS[role]:
        # each in a process of its own, as it is started
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"import {module}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            found.append(f"{module}: {done.stderr.strip().splitlines()[-1]}")
    folder = Path(__file__).parents[1]
    found += [f"deploy/{name} is missing" for name in SHARED if not (folder / name).exists()]
    return found


if __name__ == "__main__":
    wrong = mistakes(sys.argv[1])
    sys.stderr.writelines(f"{one}\n" for one in wrong)
    sys.exit(bool(wrong))
