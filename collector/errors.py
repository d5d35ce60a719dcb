"""All errors, sorted by how the caller handles them.

PaddockError
├── UsageError          wrong use or configuration: print one sentence, exit 2
│   └── Busy            another process works on the same data: try again later
├── TryLater            this request failed, the next one may not: retried in a slot of its own
│   └── HostBusy        429 or 503: no requests to the whole host for a while
├── Refused             the site refuses (403, a block page): never worked around
├── Disallowed          robots.txt disallows it, so no request was made: the page waits, the host stays open
├── Unsafe              an address, size or content that we do not accept: never retried at once
│   └── BrokenPicture   not a complete picture, or one that costs too much to decode: set aside with its reason
├── ParseError          a page that cannot be read correctly: set aside with its reason
├── Trouble             a failure of the database or the disk, not a bug; `collector.console.trouble` describes it
└── LaneLost            another lane has taken over this host: stop at once, write nothing
"""

from collections.abc import Sequence
from enum import IntEnum

from collector.codes import Failure


class ExitCode(IntEnum):
    """The exit codes of commands; documented in docs/settings.md and in every --help."""

    DONE = 0
    USAGE = 2
    BLOCKED = 3
    SOME_FAILED = 4
    LAYOUT_CHANGED = 5
    DISK = 7
    INTERRUPTED = 130
    READER_GONE = 141  # like a program that SIGPIPE has ended: the reader of our output is gone


class PaddockError(Exception):
    """Base of all errors of this project. The text is one sentence for the user."""

    exit_code: int = ExitCode.USAGE  # of the command that it ends
    further: Sequence[str] = ()  # sentences of the same sort, a line each


class UsageError(PaddockError):
    """Wrong use or configuration; the sentence says what, where and what to do."""

    def __init__(self, sentence: str, further: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.further = further


class Busy(UsageError):
    """Another process works on the same data; the command may succeed later."""


class TryLater(PaddockError):
    """A request failed, but a later one may not (network, timeout, 5xx, incomplete body)."""

    code = Failure.TRY_LATER

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status  # HTTP status; None without an answer


class HostBusy(TryLater):
    """The site asks for a pause (429, 503).

    `retry_after` is its Retry-After header: seconds from now, or None without a usable header.
    """

    code = Failure.BUSY

    def __init__(self, reason: str, status: int, retry_after: float | None) -> None:
        super().__init__(reason, status)
        self.args = (reason, status, retry_after)
        self.retry_after = retry_after


class Refused(PaddockError):
    """The site refuses (401, 403, 451, a block page)."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def code(self) -> Failure:
        """A refusal with status 200 is a block page."""
        return Failure.BLOCK_PAGE if self.status == 200 else Failure.REFUSED


class Disallowed(PaddockError):
    """robots.txt disallows the address, or training on its content. No request was made."""

    def __init__(self, code: Failure, line: str) -> None:
        super().__init__(code, line)
        self.code = code  # ROBOTS or TRAINING
        self.line = line

    def __str__(self) -> str:
        return self.line


class Unsafe(PaddockError):
    """An address, size or content that we do not accept: off-site, not global, too large, not an image."""

    code = Failure.UNSAFE

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class BrokenPicture(Unsafe):
    """Bytes that are not a complete picture, or that cost too much to decode; trying again does not help."""


class ParseError(PaddockError):
    """A page that cannot be read correctly. `field` names what is missing or wrong."""

    def __init__(self, field: str, reason: str, code: Failure = Failure.UNREADABLE) -> None:
        super().__init__(field, reason, code)  # pickle needs the same arguments
        self.field = field
        self.reason = reason
        self.code = code

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class KeptOut(ParseError):
    """A page that cannot be read correctly and keeps its photo out: its bytes are not kept either."""


class NoSuchPage(ParseError):
    """A page that says, with status 200, that it does not exist: remembered as gone."""


class Trouble(PaddockError):
    """A failure of the database or the disk. `passes`: it may end soon without any action."""

    def __init__(self, sentence: str, exit_code: int, *, passes: bool) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self.passes = passes


class LaneLost(PaddockError):
    """A newer lane holds this host; this one must stop and write nothing."""
