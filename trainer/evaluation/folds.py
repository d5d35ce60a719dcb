"""Folds for cross-fitting: each horse is answered by a model that has not seen it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from collector.errors import UsageError
from trainer.dataset.data import Table, labelled
from trainer.dataset.examples import Side

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Fold:
    """One part of a cross-fitting; the indices are those of a table's examples."""

    number: int  # from 1 on
    inside: np.ndarray  # examples that a model is fitted to
    outside: np.ndarray  # examples that it answers

    def of(self, table: Table) -> "Fold":
        """Only the examples that have the table's label."""
        known = ~np.isnan(table.label)
        return Fold(self.number, self.inside[known[self.inside]], self.outside[known[self.outside]])


def folds_of(table: Table, folds: Sequence[Fold]) -> list[Fold]:
    """Only the examples of folds that have the table's label; without the folds that leave none of them to fit to, or
    none to answer.

    Raises:
        UsageError: no fold is left.
    """
    its = [fold.of(table) for fold in folds]
    if found := [fold for fold in its if len(fold.inside) and len(fold.outside)]:
        return found
    raise UsageError(f"Too few horses have the label {table.key} to answer each from the others; collect more.")


def pool(*tables: Table) -> np.ndarray:
    """The examples with one of the tables' labels that cross-fitting uses: all but those of horses on the test side,
    and of their copies."""
    table = tables[0]
    groups = together(table)
    sides = [labelled(tables, side) for side in (Side.TRAIN, Side.TRAIN_DEV, Side.VALIDATION)]
    found = np.sort(np.concatenate(sides))
    on_test = np.array([row["side"] == Side.TEST for row in table.rows], bool)
    return found[~np.isin(groups[found], groups[on_test])]


def together(table: Table) -> np.ndarray:
    """The group of each example, (n,): a group has all photos of a horse, and all known copies of one of them."""
    groups = [row.get("group") for row in table.rows]
    if all(groups):
        return np.unique(groups, return_inverse=True)[1]  # pyright: ignore[reportCallIssue, reportArgumentType]
    # A data set of a former release names only re-encoded copies.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    places = {row["photo"]: place for place, row in enumerate(table.rows)}
    originals = [row.get("near_duplicate_of") for row in table.rows]
    pairs = [(place, places[original]) for place, original in enumerate(originals) if original in places]
    horses = int(table.horse.max(initial=-1)) + 1
    one, other = table.horse[np.array(pairs, np.int64).reshape(-1, 2)].T
    graph = coo_array((np.ones(len(pairs)), (one, other)), shape=(horses, horses))
    return connected_components(graph, directed=False)[1][table.horse]


def make_folds(table: Table, examples: np.ndarray, count: int = FOLDS, *, by_time: bool = False) -> list[Fold]:
    """Folds of these examples, with all photos of a horse and their copies in one fold; the same each time.

    `by_time`: a fold's horses are answered by a model fitted to horses that were first seen earlier. The earliest
    horses are then answered by none.

    Raises:
        UsageError: the examples are of fewer than two horses, or all of one date.
    """
    groups = np.unique(together(table)[examples], return_inverse=True)[1]
    names, seen = _first_seen(table, examples, groups)
    deal = deal_by_time(seen, names, count) if by_time else deal_by_name(names, count)
    folds = [
        Fold(number, examples[np.isin(groups, inside)], examples[np.isin(groups, outside)])
        for number, (inside, outside) in enumerate(deal, 1)
    ]
    if not folds:
        raise UsageError("Cross-fitting needs photos of at least two horses, and by time of two dates; collect more.")
    return folds


def _first_seen(table: Table, examples: np.ndarray, groups: np.ndarray) -> tuple[list[str], list[date]]:
    """For each group, the first of its horses' ids and the date of its first photo."""
    names: dict[int, str] = {}
    seen: dict[int, date] = {}
    for example, group in zip(examples, groups.tolist(), strict=True):
        row = table.rows[example]
        names[group] = min(names.get(group) or row["horse_id"], row["horse_id"])
        seen[group] = min(seen.get(group, date.max), row["issue_date"])
    return [names[group] for group in sorted(names)], [seen[group] for group in sorted(seen)]


Deal = list[tuple[np.ndarray, np.ndarray]]  # for each fold, the groups to fit to and those to answer


def deal_by_name(names: Sequence[str], count: int) -> Deal:
    """Deal groups to folds of equal size, in the order of their names' digests."""
    order = sorted(range(len(names)), key=lambda group: hashlib.sha256(names[group].encode()).digest())
    count = min(count, len(order))
    parts = [np.sort(np.array(order[number::count], np.int64)) for number in range(count)]
    return [(np.setdiff1d(np.arange(len(names)), part), part) for part in parts] if count > 1 else []


def deal_by_time(seen: Sequence[date], names: Sequence[str], count: int) -> Deal:
    """Cut groups into `count` + 1 blocks by the date on which they were first seen; the first block is never answered.

    A block is answered from groups that were seen before its first date. A fold without any is left out.
    """
    if not names:
        return []
    order = np.array(sorted(range(len(names)), key=lambda group: (seen[group], names[group])), np.int64)
    days = np.array([seen[group].toordinal() for group in order], np.int64)
    # A date is never cut in two, so what is fitted to is strictly earlier.
    cuts = days[[number * len(order) // (count + 1) for number in range(1, count + 1)]]
    starts = np.where(cuts > days[0], np.searchsorted(days, cuts), np.searchsorted(days, cuts, "right"))
    edges = [*np.unique(starts[starts < len(order)]).tolist(), len(order)]
    return [(order[:start], order[start:end]) for start, end in pairwise(edges)]
