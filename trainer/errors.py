"""How the commands of `trainer` end; what is raised on purpose is in `collector.errors`."""

from enum import IntEnum

from collector.errors import PaddockError


class ExitCode(IntEnum):
    """What a command's end tells the shell; documented in the README and in every --help."""

    DONE = 0
    USAGE = 2
    DIVERGED = 6
    DISK = 7
    INTERRUPTED = 130


class Diverged(PaddockError):
    """Training came to a loss that is no number; the last good checkpoint is kept."""


class Superseded(PaddockError):
    """Another attempt has taken over this job, or it has ended: end at once, write nothing."""
