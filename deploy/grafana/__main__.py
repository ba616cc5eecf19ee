"""`python -m deploy.grafana`: write deploy/grafana/dashboards anew."""

from pathlib import Path
from typing import Final

import orjson

from deploy.grafana.dashboards import DASHBOARDS
from deploy.grafana.panels import Dashboard, document

FOLDER: Final = Path(__file__).parent / "dashboards"


def path_of(dashboard: Dashboard) -> Path:
    """Where a dashboard lies, as Grafana reads it."""
    return FOLDER / f"{dashboard.name}.json"


def written(dashboard: Dashboard) -> bytes:
    """Return the file of a dashboard."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document(dashboard), option=options)


def main() -> None:
    """Write every dashboard."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        path_of(dashboard).write_bytes(written(dashboard))


if __name__ == "__main__":
    main()
