"""Exit statuses, the same for every command."""

from enum import IntEnum


class Status(IntEnum):
    """How a command ended; what a script or systemd can tell apart."""

    DONE = 0
    PROBLEMS = 1
    MISTAKE = 2
    AWAY = 3
    BUG = 70
    INTERRUPTED = 130


MEANINGS = {
    Status.DONE: "Done, and all is well.",
    Status.PROBLEMS: "Done, and the answer is bad: a check found problems, two records differ.",
    Status.MISTAKE: "Not done, because of what was asked or set: one line on stderr names it.",
    Status.AWAY: "Not done, or not to the end: a broker, database, hub or device is away. "
    "Again later may work; what was measured meanwhile is in the spool.",
    Status.BUG: "A bug: the traceback on stderr belongs into an issue. Services begin again.",
    Status.INTERRUPTED: "Ctrl-C.",
}
