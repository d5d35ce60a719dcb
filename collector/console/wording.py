"""How commands and times are written for people: commands as they have to be typed, times in one zone."""

import logging
import re
from datetime import datetime, time
from zoneinfo import ZoneInfo

from collector.console.common import common

JST = ZoneInfo("Asia/Tokyo")  # where the races are, and where everybody counts the days of them
ANY_WIDTH = 10_000  # characters that no line has
COMMAND = re.compile(r"`((?:collector|trainer) [^`]+)`")
WITHOUT_DEMO = "collector demo-site"  # it is the demo


def with_demo(command: str, *, demo: bool) -> str:
    """A command as it has to be typed: with --demo where the look-alike's collection is worked on."""
    if not demo or {"--demo", "--help"} & set(command.split()) or command.startswith(WITHOUT_DEMO):
        return command
    ours, dashes, theirs = command.partition(" -- ")  # what stands behind is another program's
    return f"{ours} --demo{dashes}{theirs}"


def as_typed(words: str, *, demo: bool | None = None) -> str:
    """Words in which every command of ours, between backticks, stands as it has to be typed; in a demo, unless it is
    said otherwise, where the running command is one.
    """
    wanted = common().demo if demo is None else demo
    return COMMAND.sub(lambda found: f"`{with_demo(found[1], demo=wanted)}`", words)


def things(count: int, one: str, more: str = "") -> str:
    """What a number of things is called: `photo`, `photos`; `more` where its ending is another, or for a verb."""
    if count == 1:
        return one
    return more or (f"{one[:-1]}ies" if one.endswith("ry") else f"{one}es" if one.endswith("s") else f"{one}s")


def counted(count: int, one: str, more: str = "") -> str:
    """A number of things, as every command says it: `1 photo`, `2,345 entries`, `0 photos were`."""
    return f"{count:,} {things(count, one, more)}"


def in_japan(moment: datetime | None, *, seconds: bool = True) -> str:
    """A moment as it is written for people, everywhere: `2026-11-25 21:40:03 JST`."""
    if moment is None:
        return "-"
    return moment.astimezone(JST).strftime(f"%Y-%m-%d %H:%M{':%S' if seconds else ''} JST")


def on_the_clock(moment: datetime | time, *, seconds: bool = False) -> str:
    """A moment's time of day in Japan, or a time of day there: `15:40`."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(JST).time()
    return moment.strftime(f"%H:%M{':%S' if seconds else ''}")


class LogFormatter(logging.Formatter):
    """A log's lines, on the same clock as everything else that people read."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """When it was."""
        return in_japan(datetime.fromtimestamp(record.created, JST))
