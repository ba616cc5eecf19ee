"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

Shelf = Annotated[
    Path,
    typer.Option(
        "--models",
        envvar="CITYHUM_MODELS_FOLDER",
        help="the folder of models",
        show_default="the bundled ones",
    ),
]
