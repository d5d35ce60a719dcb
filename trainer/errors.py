"""The exit codes of `trainer`, and its own errors; the others are in `collector.errors`."""

from enum import IntEnum

from collector.errors import PaddockError


class ExitCode(IntEnum):
    """The exit codes of commands; documented in docs/settings.md and in every --help."""

    DONE = 0
    USAGE = 2
    DIVERGED = 6
    DISK = 7
    INTERRUPTED = 130


class Diverged(PaddockError):
    """The loss became NaN or infinite; the last good checkpoint is kept."""

    exit_code = ExitCode.DIVERGED


def not_installed(what: str, extra: str) -> str:
    """The sentence for a missing part. It does not name an index: a package of our name there is not ours."""
    return f"{what} is not installed: in Paddock's folder, `pip install '.[{extra}]'` (or a wheel's path for the dot)."


class Superseded(PaddockError):
    """Another attempt has taken over this job, or the job has ended: end at once, and write nothing."""
