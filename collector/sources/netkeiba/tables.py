"""Tables of netkeiba's pages, read by their heads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from collector.sources.netkeiba.words import plain, words_of

LINKS = 8  # the limit of links looked at in a cell


def links_in(cell: LexborNode) -> Iterator[tuple[LexborNode, dict[str, str | None]]]:
    """The first links in a cell, with their attributes. For few nodes this is faster than a selector."""
    found = 0
    for node in cell.traverse():
        if node.tag == "a" and "href" in (attributes := node.attributes):
            yield node, attributes
            found += 1
            if found == LINKS:
                return


MOST_CELLS = 60
# Heads that begin like another one; a caller that does not ask for them must not get them.
OTHER_HEADS = ("タイム指数", "タイム指数M", "馬場指数", "スタート指数", "追走指数", "上がり指数")


@dataclass(frozen=True, slots=True)
class Row:
    """One row; a cell is found by the head of its column."""

    node: LexborNode
    cells: Sequence[LexborNode | None]
    columns: dict[str, int]

    def cell(self, *heads: str) -> LexborNode | None:
        """The cell under the first of some heads that the table has; None if it has none, or the row is short."""
        column = column_of(heads, self.columns)
        return self.cells[column] if column is not None and column < len(self.cells) else None

    def words(self, *heads: str) -> str:
        return words_of(self.cell(*heads))


class Table:
    """A table that is read by its heads, because columns have been added in the middle more than once.

    A head is compared without spaces and in normal width (ﾀｲﾑ指数 is タイム指数). Some heads contain help texts, so an
    unexpected head counts as the longest expected head that it begins with.
    """

    def __init__(self, table: LexborNode, expected: Iterable[str]) -> None:
        self.columns: dict[str, int] = {}
        self.rows: list[Row] = []
        spans = table.css_first("[colspan]") is not None
        for node in _own_rows(table):
            cells = _cells(node, spans)
            if any(cell is not None and cell.tag != "th" for cell in cells):
                self.rows.append(Row(node, cells, self.columns))
            elif not self.columns:  # a repeated head says nothing new
                self.columns = _columns(cells, expected)

    def has(self, *heads: str) -> bool:
        return column_of(heads, self.columns) is not None


def column_of(heads: Iterable[str], columns: dict[str, int]) -> int | None:
    """The column of the first of these heads that the table has."""
    return next((columns[head] for head in heads if head in columns), None)


def _own_rows(table: LexborNode) -> Iterator[LexborNode]:
    """A table's rows, without the rows of tables in its cells."""
    for part in table.iter():
        if part.tag == "tr":
            yield part
        elif part.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in part.iter() if row.tag == "tr")


def _cells(row: LexborNode, spans: bool) -> Sequence[LexborNode | None]:
    """A row's cells by column. `spans` says whether any cell of the table spans several columns."""
    cells = [cell for cell in row.iter() if cell.tag in ("td", "th")][:MOST_CELLS]
    if not spans:
        return cells
    spread: list[LexborNode | None] = []
    for cell in cells:
        span = (cell.attributes.get("colspan") or "1").strip()
        wide = min(max(int(span), 1), MOST_CELLS) if span.isascii() and span.isdigit() and len(span) < 4 else 1
        spread += (cell, *[None] * (wide - 1))
        if len(spread) >= MOST_CELLS:
            break
    return spread


def _columns(cells: Sequence[LexborNode | None], expected: Iterable[str]) -> dict[str, int]:
    """The column of each head, the first of equal ones. An exact head has priority over one that begins like it."""
    known = dict.fromkeys(sorted({*expected, *OTHER_HEADS}, key=len, reverse=True))
    heads = [plain(words_of(cell)) for cell in cells]
    columns: dict[str, int] = {}
    for column, head in enumerate(heads):
        if head in known:
            columns.setdefault(head, column)
    for column, head in enumerate(heads):
        if head not in known and (name := next((name for name in known if head.startswith(name)), None)):
            columns.setdefault(name, column)
    return columns
