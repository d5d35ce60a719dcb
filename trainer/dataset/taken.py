"""Which photos a data set takes: it looks at each photo's facts, and counts why the others are left out."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from collector.errors import UsageError
from collector.sources.licences import Licence, licence_of
from trainer.dataset.bursts import Shot, bursts, middle
from trainer.dataset.consent import Consent
from trainer.dataset.examples import Skip, as_example, why_not, why_skipped
from trainer.dataset.facts import read_facts
from trainer.dataset.own import NONE_HELD, Said, choose, own_sources, shown_by_others
from trainer.dataset.request import Request
from trainer.dataset.split import Card
from trainer.labels.definition import Connection
from trainer.labels.label import WhyNone
from trainer.labels.observing import Observations

ADVICE: dict[str, str] = {
    Skip.NO_PICTURE: "`collector crawl` fetches pictures",
    Skip.NO_HORSE: "`collector match` finds horses, and with --review it lists the open photos",
    Skip.KEPT_OUT: "`collector robots` shows the line; the photos stay in the collection",
    Skip.RULES_UNKNOWN: "`collector crawl` asks the site for it again",
    Skip.DAMAGED: "restore a backup with `collector db restore`",
    Skip.HEAD_TURNED: "--every-photo takes such photos",
    Skip.OTHERS_TOO: "a photo that somebody else published is not one of your own",
    WhyNone.NOT_ASKED: "`collector refresh-labels` asks for them",
    WhyNone.NO_REVIEWS: "`collector refresh-labels` asks again, and --keep-unreviewed takes such photos, labelled 0.5",
    WhyNone.FEW_REVIEWS: "accept fewer with --min-reviews",
    WhyNone.NO_REMARK: "another label needs no remark: --label poll",
    WhyNone.NOTHING_SAID: "another label needs no remark: --label poll",
    WhyNone.NOT_READ: "`collector reparse` reads it",
    WhyNone.NO_START: "`collector crawl --races all` fetches results, and `collector import` brings yours",
    WhyNone.NO_LATER_START: "`collector crawl --races all` fetches later results",
    WhyNone.NO_PLACE: "another label needs no place: --label poll, or --axis distance",
    WhyNone.NO_CONTRAST: "`collector crawl --races all` fetches more results",
    WhyNone.NOT_IN_FILE: "the file names photos by source:issue/number, and horses by id or name",
    WhyNone.SEVERAL_HORSES: "name these horses by their ids",
    WhyNone.NO_LABEL: "the definition says which photos it labels",
}


@dataclass(slots=True)
class Taken:
    """The selected photos, in order, before they have sides."""

    cards: list[Card] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)  # of their facts
    pictures: list[str] = field(default_factory=list)  # digests of the bytes
    said: list[Said | None] = field(default_factory=list)  # of photos that their user took, where only those are wanted
    bursts: dict[str, str] = field(default_factory=dict)  # by photo, the first photo of its burst
    left_out: Counter[str] = field(default_factory=Counter)
    licence: Licence | None = None  # of a data set of one's own photos

    def add(self, row: Mapping[str, Any], request: Request) -> None:
        """Add the photo of a row."""
        example = as_example(row, {})
        self.cards.append(Card(example.photo, example.horse_id, example.issue_date, example.near_duplicate_of))
        self.pictures.append(example.digest)
        self.ids.append(row["id"])
        plain = example.plain()
        self.digests.append(digest_of_facts({name: plain[name] for name in request.facts}))
        self.said.append(Said.of(row) if request.own else None)

    def keep(self, places: Collection[int], why: Skip) -> None:
        """Leave out all but the photos at these places."""
        self.left_out[why.value] += len(self.cards) - len(places)
        kept = sorted(places)
        self.cards, self.ids = [self.cards[at] for at in kept], [self.ids[at] for at in kept]
        self.digests, self.pictures = [self.digests[at] for at in kept], [self.pictures[at] for at in kept]
        self.said = [self.said[at] for at in kept]


def take(connection: Connection, request: Request, observations: Observations, damaged: set[str]) -> Taken:
    """The photos that a request takes.

    Raises:
        UsageError: there are none, too few for a split, or none that could be published under one licence.
    """
    taken, shots = Taken(), list[Shot]()
    consent = Consent.read(connection)
    sources = own_sources() if request.own else None
    of_others = shown_by_others(connection) if request.own else set[int]()
    for row in read_facts(connection, sources):
        why = Skip.OTHERS_TOO if row["id"] in of_others else _why_not(row, request, observations, consent, damaged)
        if why:
            taken.left_out[why.value] += 1
            continue
        if row["taken_at"]:
            shots.append(Shot(row["camera"] or "", row["horse_id"], row["taken_at"], len(taken.cards)))
        taken.add(row, request)
    _check_some(taken, request)
    if request.own:
        shots = _of_one_licence(taken, request, shots)
    _choose_of_bursts(taken, request, shots)
    if len({card.horse_id for card in taken.cards}) < 4:
        raise UsageError(_too_few(request))
    return taken


def _why_not(
    row: Mapping[str, Any], request: Request, observations: Observations, consent: Consent, damaged: set[str]
) -> Skip | WhyNone | None:
    if why := consent.why_not(row["page_url"], row["image_url"]):
        return why
    if row["digest"] in damaged:
        return Skip.DAMAGED
    if why := why_not(row):
        return why
    if row["head_turned"] and not request.every_photo:
        return Skip.HEAD_TURNED
    return None if request.own else observations.why_none(row["photo"])


def _of_one_licence(taken: Taken, request: Request, shots: list[Shot]) -> list[Shot]:
    """Keep the photos of the one licence of a data set, and their shots."""
    rights = [said.rights if said else "" for said in taken.said]
    taken.licence = choose(Counter(rights), request.licence)
    kept = [place for place, text in enumerate(rights) if licence_of(text) == taken.licence]
    now = {before: place for place, before in enumerate(kept)}
    taken.keep(kept, Skip.OTHER_LICENCE)
    return [Shot(one.camera, one.horse_id, one.at, now[one.place]) for one in shots if one.place in now]


def _choose_of_bursts(taken: Taken, request: Request, shots: list[Shot]) -> None:
    """Say of which burst each photo is; of a burst one photo stays, unless all are wanted."""
    found = bursts(shots)
    taken.bursts = {taken.cards[place].photo: taken.cards[burst[0]].photo for burst in found for place in burst}
    if not request.every_photo:
        others = {place for burst in found for place in burst if place != middle(burst)}
        taken.keep(set(range(len(taken.cards))) - others, Skip.SAME_BURST)


def _check_some(taken: Taken, request: Request) -> None:
    if taken.cards:
        return
    if not taken.left_out:
        nothing = "The database holds no photo yet: `collector crawl --since 2016` collects some."
        raise UsageError(NONE_HELD if request.own else nothing)
    why = "; ".join(f"{why_skipped(code)}: {count}" for code, count in taken.left_out.most_common())
    raise UsageError(f"No photo can be exported yet ({why}): {ADVICE[taken.left_out.most_common(1)[0][0]]}.")


def _too_few(request: Request) -> str:
    if request.own:
        return (
            "The photos of your own camera show fewer than four horses that are known, which cannot be split: name "
            "more of them (`collector match --review`)."
        )
    return (
        "The labelled photos show fewer than four horses, which cannot be split: collect more "
        "(`collector crawl`, then `collector refresh-labels`)."
    )


def digest_of_facts(facts: Mapping[str, Any]) -> bytes:
    """SHA-256 of values by name."""
    text = json.dumps(facts, sort_keys=True, default=lambda moment: moment.isoformat())
    return hashlib.sha256(text.encode()).digest()
