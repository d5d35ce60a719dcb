"""What can go wrong, sorted by what the caller does about it.

PaddockError
├── UsageError          wrong use or configuration: say it in one sentence, exit 2
│   └── Busy            something else is at work on the same: later it may be done
├── TryLater            this request failed, the next may not: retried on a slot of its own
│   └── HostBusy        429 or 503: the whole host is left alone for a while
├── Refused             the site says no (403, a block page): never worked around
├── Disallowed          robots.txt says no, so that nothing was asked: the page is put off, the host stays open
├── Unsafe              an address, size or content that we do not touch: never retried at once
│   └── BrokenPicture   no whole picture, or one that costs too much to unpack: set aside with its reason
├── ParseError          a page that cannot be read right: set aside with its reason
├── Trouble             a database's or a disk's doing, as `collector.console.trouble` tells it: nothing of ours to mend
└── LaneLost            another lane has taken over this host: stop at once, write nothing
"""

from enum import IntEnum

from collector.codes import Failure


class ExitCode(IntEnum):
    """What a command's end tells the shell; documented in the README and in every --help."""

    DONE = 0
    USAGE = 2
    BLOCKED = 3
    SOME_FAILED = 4
    LAYOUT_CHANGED = 5
    DISK = 7
    INTERRUPTED = 130
    READER_GONE = 141  # as of a program that SIGPIPE has ended: whoever read our output has had enough


class PaddockError(Exception):
    """Base of everything this project raises on purpose. The text is one sentence for the user."""

    exit_code: int = ExitCode.USAGE  # of a command that it ends


class UsageError(PaddockError):
    """Wrong use or configuration; the sentence says what, where and what to do."""


class Busy(UsageError):
    """Something else is at work on the same data; the same command may be given later."""


class TryLater(PaddockError):
    """A request failed in a way that a later one may not (network, timeout, 5xx, cut-off body)."""

    code = Failure.TRY_LATER

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status  # HTTP status, where there was an answer


class HostBusy(TryLater):
    """The site asks to be left alone (429, 503).

    `retry_after` is what its Retry-After header said: seconds from now, or None without a usable header.
    """

    code = Failure.BUSY

    def __init__(self, reason: str, status: int, retry_after: float | None) -> None:
        super().__init__(reason, status)
        self.args = (reason, status, retry_after)
        self.retry_after = retry_after


class Refused(PaddockError):
    """The site says no (401, 403, 451, a block page)."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def code(self) -> Failure:
        """A refusal that comes as if it were content is a block page."""
        return Failure.BLOCK_PAGE if self.status == 200 else Failure.REFUSED


class Disallowed(PaddockError):
    """robots.txt says no, to the address or to training on what is there. No request went out, none was refused."""

    def __init__(self, code: Failure, line: str) -> None:
        super().__init__(code, line)
        self.code = code  # ROBOTS or TRAINING
        self.line = line

    def __str__(self) -> str:
        return self.line


class Unsafe(PaddockError):
    """An address, size or content that is not touched: off-site, not global, too large, not an image."""

    code = Failure.UNSAFE

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class BrokenPicture(Unsafe):
    """Bytes that are no whole picture, or one that costs too much to unpack; it stays so, however often it is tried."""


class ParseError(PaddockError):
    """A page that cannot be read right. `field` names what was looked for and not found."""

    def __init__(self, field: str, reason: str, code: Failure = Failure.UNREADABLE) -> None:
        super().__init__(field, reason, code)  # as it was called, or it could not come back from another process
        self.field = field
        self.reason = reason
        self.code = code

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class KeptOut(ParseError):
    """A page that cannot be read right and says that its photo is not to be kept: neither are its bytes."""


class NoSuchPage(ParseError):
    """A page that says, with status 200, that there is nothing: remembered as gone."""


class Trouble(PaddockError):
    """What a database or a disk has done. `passes`: it may be over in a moment without anybody's doing."""

    def __init__(self, sentence: str, exit_code: int, *, passes: bool) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self.passes = passes


class LaneLost(PaddockError):
    """A newer lane holds this host; what this one still does would be a zombie's work."""
