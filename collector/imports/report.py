"""What an import brought, counted and named."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from collector.codes import Aside
from collector.console.code_words import describe
from collector.imports.captures import LeftOut
from collector.imports.standing import Placed, Standing
from collector.storage.roles import PageState

BROUGHT = (Standing.NEW, Standing.NEWER, Standing.CONFIRMED, Standing.OLDER, Standing.UNDATED)
NAMED = 5  # files of a sort that are named


@dataclass(slots=True)
class Report:
    """What an import brought; counts of captures."""

    all_names: bool = False  # whether every file that is left out is named
    standings: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)  # source and kind of what was brought
    gone: int = 0  # pages that say that there is nothing
    not_read: int = 0  # archived; the layout of their kind has changed
    saved_anew: int = 0  # bytes that are UTF-8, whatever the page says
    left_out: Counter[Aside] = field(default_factory=Counter)
    names: dict[Aside, list[tuple[str, str | None]]] = field(default_factory=dict)
    layout_changed: list[str] = field(default_factory=list)
    elsewhere: int = 0  # races at racecourses that are not the JRA's, which have other ids
    orphans: int = 0  # entries of races that are not there
    deleted: list[str] = field(default_factory=list)  # races that are held, and that their source has taken back

    @property
    def captures(self) -> int:
        """All that was found: pages, and files that were left out."""
        return self.standings.total() + self.left_out.total()

    @property
    def brought(self) -> int:
        """Captures that are archived now and were not before."""
        return sum(self.standings[standing] for standing in BROUGHT)

    def add(self, placed: Placed, state: PageState | None) -> None:
        """One more capture that is archived, or was before; the state that its page has by it."""
        self.standings[placed.standing] += 1
        if placed.standing is Standing.KNOWN:
            return
        self.kinds[placed.page.source, placed.page.kind] += 1
        self.gone += state is PageState.GONE
        self.not_read += state is PageState.QUARANTINED
        self.saved_anew += placed.brought.saved_anew

    def leave_out(self, left: LeftOut) -> None:
        """One more file of which nothing is stored."""
        self.left_out[left.code] += 1
        names = self.names.setdefault(left.code, [])
        if self.all_names or len(names) < NAMED:
            names.append((left.file, left.detail))

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "captures": self.captures,
            **{standing.value: self.standings[standing] for standing in Standing},
            "kinds": [
                {"source": source, "kind": kind, "count": count} for (source, kind), count in sorted(self.kinds.items())
            ],
            "gone": self.gone,
            "not_read": self.not_read,
            "saved_as_utf8": self.saved_anew,
            "left_out": [
                {"code": code, "count": count, "reason": describe(Aside, code, "..."),
                 "files": [{"file": file, "detail": detail} for file, detail in self.names[code]]}
                for code, count in sorted(self.left_out.items())
            ],
            "layout_changed": self.layout_changed,
            "races_elsewhere": self.elsewhere,
            "entries_without_race": self.orphans,
            "races_taken_back": self.deleted,
        }  # fmt: skip
