"""`python -m benchmarks NAME …` runs one benchmark: `python -m benchmarks device --json`."""

import runpy
import sys
from pathlib import Path
from typing import Final

_BESIDE: Final = Path(__file__).parent


def main() -> None:
    """Hand over to the benchmark that is named."""
    names = sorted(p.stem for p in _BESIDE.glob("*.py") if not p.stem.startswith("_"))
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in names:
        sys.exit(f"no benchmark {name!r}; there are: {', '.join(names)}")
    del sys.argv[1]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
