"""From stored bytes to meaning, with no request and no database: what the crawl and `reparse` share."""

import traceback
from dataclasses import dataclass

from collector.codes import Failure
from collector.errors import BrokenPicture, KeptOut, NoSuchPage, ParseError, Refused
from collector.sources.parsed import Parsed
from collector.sources.registry import source_of
from collector.sources.source import IMAGE, ROBOTS
from collector.sources.text_tools.text import block_reason, decode
from collector.storage.decoders import decoders
from collector.storage.images import Picture, inspect

NOTHING = Parsed(())


@dataclass(frozen=True, slots=True)
class Derived:
    """What a page's bytes mean: items and links of a page, the measures of a picture, or why neither."""

    parsed: Parsed = NOTHING
    picture: Picture | None = None
    failure: ParseError | None = None
    gone: str | None = None  # why the page says that there is nothing, in spite of its status 200
    trace: str | None = None  # of an error of our own, which is why there is a failure

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that were looked for and not found."""
        return (self.failure.field,) if self.failure else self.parsed.missing

    @property
    def keeps_out(self) -> bool:
        """Whether the page itself says that its photo is not to be kept."""
        return isinstance(self.failure, KeptOut) or any(getattr(item, "keep_out", False) for item in self.parsed.items)


async def derive_soon(source: str, kind: str, url: str, body: bytes, content_type: str | None) -> Derived:
    """The same as `derive`, while others go on: a picture may take seconds.

    Raises:
        Refused: it is a block page, served as if it were content.
    """
    if kind != IMAGE:
        return derive(source, kind, url, body, content_type)
    try:
        return Derived(picture=await decoders().ask(inspect, body))
    except (BrokenPicture, OSError) as error:
        return _no_picture(error)
    except Exception as error:  # noqa: BLE001
        return tripped(error)


def derive(source: str, kind: str, url: str, body: bytes, content_type: str | None) -> Derived:
    """Read one stored page. A page that trips our own code is a failure like any other.

    Raises:
        Refused: it is a block page, served as if it were content.
    """
    try:
        return _derive(source, kind, url, body, content_type)
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001
        # Whatever trips, and be it for want of memory: it costs this page, not its bytes and none of the others.
        return tripped(error)


def tripped(error: Exception) -> Derived:
    """A failure by an error of our own, with its trace."""
    trace = "".join(traceback.format_exception(error, limit=-20))  # a recursion repeats itself
    # A page's own words may be in it.
    shown = (char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in trace)
    failure = ParseError("parser", f"an error of our own: {error!r:.300}", Failure.OWN_ERROR)
    return Derived(failure=failure, trace="".join(shown))


def _derive(source: str, kind: str, url: str, body: bytes, content_type: str | None) -> Derived:
    if kind == ROBOTS:
        return Derived()
    if kind == IMAGE:
        try:
            return Derived(picture=decoders().run(inspect, body))
        except (BrokenPicture, OSError) as error:
            return _no_picture(error)
    try:
        its = source_of(source)
        text = decode(body, content_type, its.kind(kind).charset or its.charset)
    except ParseError as error:
        return Derived(failure=error)
    try:
        return Derived(its.parse(kind, url, text))
    except ParseError as error:
        # Only a page that is not one of the site's is searched for a block: elsewhere its words prove nothing.
        if reason := block_reason(text):
            raise Refused(f"a block page with status 200: {reason}", 200) from error
        return Derived(gone=str(error)) if isinstance(error, NoSuchPage) else Derived(failure=error)


def _no_picture(error: BrokenPicture | OSError) -> Derived:
    """Why there is no picture; what only this machine could not do (no process could be started), `reparse` does."""
    reason = str(error) if isinstance(error, BrokenPicture) else f"could not be unpacked here ({error}); see `reparse`"
    return Derived(failure=ParseError("picture", reason, Failure.NO_PICTURE))
