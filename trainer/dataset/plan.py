"""The plan of an export: which photos go to which side, with which labels, and the version's id. It needs the photos'
facts, not their bytes."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import PIL
import pyarrow as pa

from collector import __version__
from collector.errors import UsageError
from collector.exports.origins import Origin, origins
from collector.sources.registry import is_personal
from trainer.dataset.card import Seen
from trainer.dataset.examples import Example, Side, Skip, as_example
from trainer.dataset.own import Own, owners
from trainer.dataset.request import Request
from trainer.dataset.split import SPLITS, Card, Leaks, Pair, find_leaks, group, split_by_file
from trainer.dataset.stated import is_of_starts, stated_by
from trainer.dataset.taken import Taken, digest_of_facts, take
from trainer.labels.definition import PHOTOS, Connection
from trainer.labels.label import Label
from trainer.labels.observing import Settled, observe
from trainer.labels.shrink import Prior
from trainer.labels.survey import Survey, survey

CODE = 8  # increase it when the same rows are exported differently


@dataclass(slots=True)
class Plan:
    """The photos by side, in order, their labels, and the id of the version."""

    version: str
    ids: dict[Side, list[int]]
    settled: Settled
    groups: dict[str, str]  # by photo: the first photo of its group
    bursts: dict[str, str]  # by photo of a camera: the first photo of its burst
    labelled: dict[str, dict[Side, int]]  # photos by label and side
    left_out: Counter[str]
    leaks: Leaks
    horses: dict[Side, int]
    horses_in_all: int
    seen: Seen
    survey: Survey
    newest_photo: str | None
    newest_label: str | None
    own: Own | None  # of a data set of one's own photos
    sources: list[Origin]
    stated: list[dict[str, Any]]  # who states the facts beside the photos, with how many of each thing

    def example(self, row: Mapping[str, Any]) -> Example:
        """The example of a row of the plan."""
        photo = row["photo"]
        return as_example(row, self.settled.of(photo), self.groups[photo], self.bursts.get(photo))

    @property
    def photos(self) -> int:
        """The number of photos on all sides."""
        return sum(map(len, self.ids.values()))

    @property
    def priors(self) -> Mapping[str, Prior]:
        """What the training horses say of each label."""
        return self.settled.priors


def make_plan(
    connection: Connection, request: Request, damaged: set[str], find: Callable[[list[str]], Sequence[Pair]]
) -> Plan:
    """Decide the side of each photo, its labels, and the version's id, which is a digest of its content.

    `find` gets the digests of all pictures, and returns index pairs of copies.
    """
    observations = observe(connection, request.labels, PHOTOS)
    taken = take(connection, request, observations, damaged)
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
    own = _own(connection, taken, sides, settled)
    found = survey(observations, settled, PHOTOS.about)
    # Of one's own photos the data sheet says whose the names and results are.
    sources = [one for one in origins(connection) if own is None or is_personal(one.name)]
    return _plan(
        request, taken, sides, leaks, settled, groups, found, sources, _stated(connection, taken, sides, settled), own
    )


def _stated(
    connection: Connection, taken: Taken, sides: Sequence[Side | None], settled: Settled
) -> list[dict[str, Any]]:
    """Who states what is written of the photos; of one's own photos no facts of others are written but labels."""
    placed = [(number, card) for number, card, side in zip(taken.ids, taken.cards, sides, strict=True) if side]
    horses = {card.horse_id for _, card in placed if is_of_starts(settled.of(card.photo))}
    return stated_by(connection, [] if taken.licence else [number for number, _ in placed], horses)


def _own(connection: Connection, taken: Taken, sides: Sequence[Side | None], settled: Settled) -> Own | None:
    """What a data set of one's own photos says of them; None of any other."""
    if taken.licence is None:
        return None
    placed = [(card, said) for card, said, side in zip(taken.cards, taken.said, sides, strict=True) if side]
    horses = {card.horse_id for card, _ in placed}
    return Own(taken.licence, [said for _, said in placed if said], owners(connection, horses, settled))


def _plan(
    request: Request, taken: Taken, sides: Sequence[Side | None], leaks: Leaks, settled: Settled,
    groups: dict[str, str], found: Survey, sources: list[Origin], stated: list[dict[str, Any]], own: Own | None,
) -> Plan:  # fmt: skip
    placed = [card for card, side in zip(taken.cards, sides, strict=True) if side]
    newest = max((card.issue_date for card in placed), default=None)
    first = settled.labels[request.labels[0].key] if request.labels else {}

    def on(side: Side, values: Sequence[Any]) -> list[Any]:
        return [value for value, its in zip(values, sides, strict=True) if its is side]

    cards = {side: on(side, taken.cards) for side in Side}
    return Plan(
        version=_digest(request, taken, sides, settled, groups, sources, stated, own),
        ids={side: on(side, taken.ids) for side in Side},
        settled=settled,
        groups=groups,
        bursts=taken.bursts,
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
        stated=stated,
        own=own,
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


def _digest(
    request: Request,
    taken: Taken,
    sides: Sequence[Side | None],
    settled: Settled,
    groups: Mapping[str, str],
    sources: Sequence[Origin],
    stated: Sequence[Mapping[str, Any]],
    own: Own | None,
) -> str:
    rule = request.split if request.split in SPLITS else "file"
    head = {
        "query": request.query,
        "split": rule,
        "format": request.format,
        "code": code_of(),
        "name": request.name,
        "sources": [one.as_json() for one in sources],
        "stated": stated,
    }
    whole = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for card, side, facts in zip(taken.cards, sides, taken.digests, strict=True):
        if side:
            labels = {name: label and asdict(label) for name, label in settled.of(card.photo).items()}
            beside = {"labels": labels, "group": groups[card.photo], "burst": taken.bursts.get(card.photo)}
            whole.update(side.encode() + facts + digest_of_facts(beside))
    if own:
        whole.update(digest_of_facts({"licence": own.licence.spdx, "owners": [asdict(owner) for owner in own.owners]}))
    return whole.hexdigest()[:12]
