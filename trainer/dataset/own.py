"""A data set of one's own photographs alone: which photos those are, under which licence, and whose the rest is."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString, NamedTuple

from collector.codes import MatchRule
from collector.console.wording import counted
from collector.errors import UsageError
from collector.sources.licences import IDS, Licence, licence_of
from collector.sources.registry import source_at, sources
from collector.sources.source import Terms
from trainer.labels.definition import Connection
from trainer.labels.observing import Settled

NONE_HELD = (
    "The collection holds no photo of your own camera, and only such photos may be in a data set of --rights own: "
    "`collector import --camera DIR` brings them. Photos of `collector import --photos` are of any maker."
)
STATE = '`collector import --camera DIR --rights "CC BY 4.0"`, once more for the same folder,'

# The same picture in a source of other people: by its bytes, or as a copy that was encoded anew.
OTHERS_TOO: LiteralString = """
WITH own AS (SELECT id, digest, near_duplicate_of, origin FROM photo WHERE source = ANY(%(sources)s)),
other AS (SELECT id, digest, near_duplicate_of, origin FROM photo WHERE source <> ALL(%(sources)s))
SELECT own.id FROM own JOIN other USING (digest) WHERE other.origin IS DISTINCT FROM own.origin
UNION SELECT own.id FROM own JOIN other ON other.id = own.near_duplicate_of
    WHERE other.origin IS DISTINCT FROM own.origin
UNION SELECT own.id FROM own JOIN other ON other.near_duplicate_of = own.id
    WHERE other.origin IS DISTINCT FROM own.origin
"""
STATED_BY: LiteralString = """
SELECT DISTINCT substring(source_url FROM '^[a-z]+://[^/]+') AS site FROM (
    SELECT source_url FROM horse WHERE horse_id = ANY(%(horses)s)
    UNION SELECT source_url FROM entry WHERE horse_id = ANY(%(horses)s)
    UNION SELECT race.source_url FROM race JOIN entry USING (race_id) WHERE entry.horse_id = ANY(%(horses)s)
) AS page
"""


class Said(NamedTuple):
    """What is known of one photo that its maker took."""

    rights: str
    photographer: str | None
    camera: str | None
    racecourse: str | None
    day: date
    race_id: str | None
    rule: str
    certainty: float | None
    remark: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Said":
        """That of a row of `read_facts`."""
        return cls(
            row["rights"] or "", row["origin"], row["camera"], row["racecourse"], row["issue_date"], row["race_id"],
            row["match_rule"], row["certainty"], row["remark"] is not None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody from whom names, entries, results or labels come."""

    site: str
    title: str
    terms: Terms | None  # None: nobody has read them


@dataclass(frozen=True, slots=True)
class Own:
    """The licence and the facts of a data set of one's own photographs."""

    licence: Licence
    said: Sequence[Said]
    owners: Sequence[Owner]  # of what is not the photographer's

    @property
    def photographers(self) -> list[str]:
        """Who took the photos, by name."""
        return sorted({said.photographer for said in self.said if said.photographer})

    @property
    def days(self) -> list[date]:
        """The days on which they were taken."""
        return sorted({said.day for said in self.said})

    def attribution(self, name: str) -> str:
        """How to name the photographers of a data set of this name."""
        return f"{', '.join(self.photographers)}: {name}, {self.licence.spdx}, {self.licence.url}"

    def count(self, name: str) -> Counter[str]:
        """The photos by one of the things that are known of them; what is not known of a photo is not counted."""
        return Counter(value for said in self.said if (value := getattr(said, name)) is not None)

    @property
    def certainties(self) -> list[float]:
        """Of the photos whose horse the order of the walk says, in order."""
        return sorted(
            said.certainty for said in self.said if said.rule == MatchRule.WALK and said.certainty is not None
        )


def own_sources() -> list[str]:
    """The sources whose photos their user took."""
    return [name for name, source in sources().items() if source.personal]


def shown_by_others(connection: Connection) -> set[int]:
    """The numbers of photos that another source has too, and that somebody else may have taken."""
    return {row["id"] for row in connection.execute(OTHERS_TOO, {"sources": own_sources()}).fetchall()}


def choose(stated: Mapping[str, int], wanted: str | None) -> Licence:
    """The one licence of a data set; `stated` counts photos by the rights that their photographer stated.

    Raises:
        UsageError: they state different rights and none was chosen, or no licence under which it could be published.
    """
    found = {text: licence_of(text) for text in stated}
    if wanted is not None:
        return _wanted(wanted, found, stated)
    chosen = set(found.values())
    if chosen == {None}:
        raise UsageError(
            f"The photos state {_listed(stated)}, which does not let others use them: a data set to publish needs one "
            f"of the open licences {IDS}. {STATE} states one."
        )
    if len(chosen) > 1:
        raise UsageError(
            f"The photos state different rights, and a data set has one licence: {_listed(stated)}. "
            f"Choose with --licence, or state the same rights of all: {STATE} changes them."
        )
    return next(licence for licence in chosen if licence)


def _wanted(wanted: str, found: Mapping[str, Licence | None], stated: Mapping[str, int]) -> Licence:
    licence = licence_of(wanted)
    if licence is None:
        raise UsageError(f"--licence {wanted} is not one of the open licences that are known here: {IDS}.")
    if licence not in found.values():
        raise UsageError(f"No photo has the licence {licence.spdx}; they state {_listed(stated)}. {STATE} states it.")
    return licence


def _listed(stated: Mapping[str, int]) -> str:
    return ", ".join(
        f'"{text}" ({counted(count, "photo")})' for text, count in sorted(stated.items(), key=lambda its: -its[1])
    )


def owners(connection: Connection, horses: Iterable[str], settled: Settled) -> list[Owner]:
    """From whom the names, entries, results and labels of these horses come."""
    rows = connection.execute(STATED_BY, {"horses": sorted(set(horses))}).fetchall()
    evidence = (json.loads(label.evidence) for labels in settled.labels.values() for label in labels.values())
    pages = {row["site"] for row in rows} | {str(its["url"]) for its in evidence if its.get("url")}
    found = dict[str, Owner]()
    for page in sorted(filter(None, pages)):
        site = "/".join(page.split("/")[:3])
        source = source_at(site)
        found.setdefault(site, Owner(site, source.title if source else site, source.terms if source else None))
    return list(found.values())
