"""How a command line ends: the same status for the same kind of end, whichever it is."""

import sys
from collections.abc import Callable
from typing import NoReturn

from typer.exceptions import Abort, TyperException

from cityhum.status import Status
from schemas.errors import CityhumError, Unavailable


def end_with(command: Callable[[], int | None]) -> NoReturn:
    """Run a command and leave with its status (`cityhum.status`).

    Parameters
    ----------
    command : callable
        Raises what went wrong: a Typer app in `standalone_mode=False`.
    """
    try:
        sys.exit(command())
    except Unavailable as error:
        _refuse(str(error), Status.AWAY)
    except CityhumError as error:
        _refuse(str(error), Status.MISTAKE)
    except TyperException as error:
        # without a command the message is empty: the help was printed already
        said = f"{error.format_message().rstrip('.')}; see --help" if str(error) else ""
        _refuse(said, Status.MISTAKE)
    except Abort:
        sys.exit(Status.INTERRUPTED)
    except Exception:  # noqa: BLE001  # a bug, told apart from what a command has found
        sys.excepthook(*sys.exc_info())
        sys.exit(Status.BUG)


def _refuse(why: str, status: Status) -> NoReturn:
    if why:
        print(f"cityhum: {why}", file=sys.stderr)  # noqa: T201  # without importing rich
    sys.exit(status)
