"""The plan of an export: which photos go to which side, with which labels, and the version's id. It needs the photos'
facts, not their bytes."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import PIL
import pyarrow as pa

from collector import __version__
from collector.errors import UsageError
from collector.exports.origins import Origin, origins
from trainer.dataset.card import Seen
from trainer.dataset.consent import Consent
from trainer.dataset.examples import Example, Side, Skip, as_example, why_not, why_skipped
from trainer.dataset.facts import read_facts
from trainer.dataset.formats import Format
from trainer.dataset.split import SPLITS, Card, Leaks, Pair, find_leaks, group, split_by_file
from trainer.labels.definition import PHOTOS, Connection, Wanted
from trainer.labels.label import Label, WhyNone
from trainer.labels.observing import Observations, Settled, observe
from trainer.labels.poll import Poll
from trainer.labels.shrink import Prior
from trainer.labels.survey import Survey, survey

CODE = 8  # increase it when the same rows are exported differently
POLL = Wanted(Poll(), "distance")

ADVICE: dict[str, str] = {
    Skip.NO_PICTURE: "`collector crawl` fetches pictures",
    Skip.NO_HORSE: "`collector match` finds horses, and with --review it lists the open photos",
    Skip.KEPT_OUT: "`collector robots` shows the line; the photos stay in the collection",
    Skip.RULES_UNKNOWN: "`collector crawl` asks the site for it again",
    Skip.DAMAGED: "restore a backup with `collector db restore`",
    WhyNone.NOT_ASKED: "`collector refresh-labels` asks for them",
    WhyNone.NO_REVIEWS: "`collector refresh-labels` asks again, and --keep-unreviewed takes such photos, labelled 0.5",
    WhyNone.FEW_REVIEWS: "accept fewer with --min-reviews",
    WhyNone.NOT_READ: "`collector reparse` reads it",
    WhyNone.NO_START: "`collector crawl --races all` fetches results, and `collector import` brings yours",
    WhyNone.NO_LATER_START: "`collector crawl --races all` fetches later results",
    WhyNone.NO_PLACE: "another label needs no place: --label poll, or --axis distance",
    WhyNone.NO_CONTRAST: "`collector crawl --races all` fetches more results",
    WhyNone.NOT_IN_FILE: "the file names photos by source:issue/number, and horses by id or name",
    WhyNone.SEVERAL_HORSES: "name these horses by their ids",
    WhyNone.NO_LABEL: "the definition says which photos it labels",
}


@dataclass(frozen=True, slots=True)
class Request:
    """The settings of an export."""

    labels: Sequence[Wanted] = (POLL,)
    split: str = "horse"  # or issues-2016, or the path of a CSV
    format: Format = Format.PARQUET
    size: int | None = None  # px of the longest edge, at most; None: the photos as fetched
    name: str = "paddock"


@dataclass(slots=True)
class Plan:
    """The photos by side, in order, their labels, and the id of the version."""

    version: str
    ids: dict[Side, list[int]]
    settled: Settled
    groups: dict[str, str]  # by photo: the first photo of its group
    labelled: dict[str, dict[Side, int]]  # photos by label and side
    left_out: Counter[str]
    leaks: Leaks
    horses: dict[Side, int]
    horses_in_all: int
    seen: Seen
    survey: Survey
    newest_photo: str | None
    newest_label: str | None
    sources: list[Origin]

    def example(self, row: Mapping[str, Any]) -> Example:
        """The example of a row of the plan."""
        return as_example(row, self.settled.of(row["photo"]), self.groups[row["photo"]])

    @property
    def photos(self) -> int:
        """The number of photos on all sides."""
        return sum(map(len, self.ids.values()))

    @property
    def priors(self) -> Mapping[str, Prior]:
        """What the training horses say of each label."""
        return self.settled.priors


@dataclass(slots=True)
class _Taken:
    """The selected photos, in order, before they have sides."""

    cards: list[Card] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)  # of their facts
    pictures: list[str] = field(default_factory=list)  # digests of the bytes
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the photo of a row."""
        example = as_example(row, {})
        self.cards.append(Card(example.photo, example.horse_id, example.issue_date, example.near_duplicate_of))
        self.pictures.append(example.digest)
        self.ids.append(row["id"])
        self.digests.append(_digest_of(example.plain()))


def make_plan(
    connection: Connection, request: Request, damaged: set[str], find: Callable[[list[str]], Sequence[Pair]]
) -> Plan:
    """Decide the side of each photo, its labels, and the version's id, which is a digest of its content.

    `find` gets the digests of all pictures, and returns index pairs of copies.
    """
    taken = _Taken()
    consent = Consent.read(connection)
    observations = observe(connection, request.labels, PHOTOS)
    for row in read_facts(connection):
        if why := _why_not(row, observations, consent, damaged):
            taken.left_out[why.value] += 1
        else:
            taken.add(row)
    _check_some(taken.left_out, taken.cards)
    copies = find(taken.pictures)
    sides = _sides(request.split, taken.cards, copies)
    taken.left_out[Skip.NO_SIDE.value] += sides.count(None)
    leaks = find_leaks(taken.cards, sides, copies)
    training = {card.horse_id for card, side in zip(taken.cards, sides, strict=True) if side is Side.TRAIN}
    placed = {card.photo for card, side in zip(taken.cards, sides, strict=True) if side}
    observations = observations.of(placed)
    settled = observations.settled(training)
    groups = {
        card.photo: taken.cards[first].photo
        for card, first in zip(taken.cards, group(taken.cards, copies), strict=True)
    }
    found = survey(observations, settled, PHOTOS.about)
    return _plan(request, taken, sides, leaks, settled, groups, found, origins(connection))


def _plan(
    request: Request,
    taken: _Taken,
    sides: Sequence[Side | None],
    leaks: Leaks,
    settled: Settled,
    groups: dict[str, str],
    found: Survey,
    sources: list[Origin],
) -> Plan:
    placed = [card for card, side in zip(taken.cards, sides, strict=True) if side]
    newest = max((card.issue_date for card in placed), default=None)
    first = settled.labels[request.labels[0].key]

    def on(side: Side, values: Sequence[Any]) -> list[Any]:
        return [value for value, its in zip(values, sides, strict=True) if its is side]

    cards = {side: on(side, taken.cards) for side in Side}
    return Plan(
        version=_digest(request, taken, sides, settled, groups, sources),
        ids={side: on(side, taken.ids) for side in Side},
        settled=settled,
        groups=groups,
        labelled={
            key: {side: sum(card.photo in labels for card in its) for side, its in cards.items()}
            for key, labels in settled.labels.items()
        },
        left_out=+taken.left_out,
        leaks=leaks,
        horses={side: len({card.horse_id for card in its}) for side, its in cards.items()},
        horses_in_all=len({card.horse_id for card in placed}),
        seen=_seen(cards, first),
        survey=found,
        newest_photo=newest.isoformat() if newest else None,
        newest_label=_newest(settled),
        sources=sources,
    )


def _seen(cards: Mapping[Side, Sequence[Card]], first: Mapping[str, Label]) -> Seen:
    """The numbers behind the card's plots; `first` are the labels that it draws."""
    placed = [card for its in cards.values() for card in its]
    return Seen(
        labels={side: [first[card.photo].value for card in its if card.photo in first] for side, its in cards.items()},
        years=Counter(card.issue_date.year for card in placed),
        horses=Counter(Counter(card.horse_id for card in placed).values()),
    )


def _newest(settled: Settled) -> str | None:
    """When the newest label was observed, or the newest start behind one was run."""
    evidence = (json.loads(label.evidence) for labels in settled.labels.values() for label in labels.values())
    return max((str(its.get("observed_at") or its.get("last") or "") for its in evidence), default="") or None


def _why_not(
    row: Mapping[str, Any], observations: Observations, consent: Consent, damaged: set[str]
) -> Skip | WhyNone | None:
    if why := consent.why_not(row["page_url"], row["image_url"]):
        return why
    if row["digest"] in damaged:
        return Skip.DAMAGED
    return why_not(row) or observations.why_none(row["photo"])


def _digest_of(facts: Mapping[str, Any]) -> bytes:
    text = json.dumps(facts, sort_keys=True, default=lambda moment: moment.isoformat())
    return hashlib.sha256(text.encode()).digest()


def _check_some(left_out: Counter[str], cards: Sequence[Card]) -> None:
    if not cards and not left_out:
        raise UsageError("The database holds no photo yet: `collector crawl --since 2016` collects some.")
    if not cards:
        why = "; ".join(f"{why_skipped(code)}: {count}" for code, count in left_out.most_common())
        raise UsageError(f"No photo can be exported yet ({why}): {ADVICE[left_out.most_common(1)[0][0]]}.")
    if len({card.horse_id for card in cards}) < 4:
        raise UsageError(
            "The labelled photos show fewer than four horses, which cannot be split: collect more "
            "(`collector crawl`, then `collector refresh-labels`)."
        )


def _sides(split: str, cards: Sequence[Card], copies: Sequence[Pair]) -> list[Side | None]:
    if split in SPLITS:
        return SPLITS[split](cards, copies)
    path = Path(split)
    try:
        return split_by_file(cards, path.read_text(encoding="utf-8"), split)
    except OSError as error:
        rules = ", ".join(SPLITS)
        raise UsageError(f"--split {split} is neither a rule ({rules}) nor a file that can be read.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{split} is not UTF-8 text; a split is a CSV file.") from error


def code_of() -> dict[str, Any]:
    """What the content of a version depends on beside the database and the settings."""
    return {"paddock": __version__, "export": CODE, "pillow": PIL.__version__, "pyarrow": pa.__version__}


def query_of(request: Request) -> dict[str, Any]:
    """The settings of an export that decide which photos and labels it has."""
    return {"labels": {one.key: dict(one.definition.settings) for one in request.labels}, "size": request.size}


def _digest(
    request: Request,
    taken: _Taken,
    sides: Sequence[Side | None],
    settled: Settled,
    groups: Mapping[str, str],
    sources: Sequence[Origin],
) -> str:
    rule = request.split if request.split in SPLITS else "file"
    head = {
        "query": query_of(request),
        "split": rule,
        "format": request.format,
        "code": code_of(),
        "name": request.name,
        "sources": [one.as_json() for one in sources],
    }
    whole = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for card, side, facts in zip(taken.cards, sides, taken.digests, strict=True):
        if side:
            labels = {name: label and asdict(label) for name, label in settled.of(card.photo).items()}
            whole.update(side.encode() + facts + _digest_of({"labels": labels, "group": groups[card.photo]}))
    return whole.hexdigest()[:12]
