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

    exit_code = ExitCode.DIVERGED


def not_installed(what: str, extra: str) -> str:
    """The sentence for a part that is missing. It names no index: what one has under our name is not ours."""
    return f"{what} is not installed: in Paddock's folder, `pip install '.[{extra}]'` (or a wheel's path for the dot)."


class Superseded(PaddockError):
    """Another attempt has taken over this job, or it has ended: end at once, write nothing."""
