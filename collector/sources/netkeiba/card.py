"""netkeiba's race cards: a race to come and its entries. The results shown on race day have the same layout."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import NoSuchPage, ParseError
from collector.sources.netkeiba.entry import COLUMNS, FINISH_WORDS, FINISHES, HEADS, Values, read_entries
from collector.sources.netkeiba.race import A_FEW, RaceReader, meeting_of, number_in, same_race
from collector.sources.netkeiba.tables import Row, Table
from collector.sources.netkeiba.urls import is_jra, race_id_of
from collector.sources.netkeiba.words import (
    day_in,
    ends_within,
    going_of,
    grade_in,
    grade_of_icons,
    ground_of,
    hour_in,
    number_of,
    plain,
    track_of,
    tree_of,
    weather_of,
    words_of,
)
from collector.sources.parsed import Parsed
from collector.storage.items import RaceItem
from collector.storage.racing import Finish

TRACK = re.compile(r"\(([^()]{1,30})\)")
WEATHER, GOING = re.compile(r"天[候気]\s?:\s?([^\s/]{1,8})"), re.compile(r"馬場\s?:\s?([^\s/]{1,8})")
FIELD_SIZE = re.compile(r"[0-9]{1,2}頭")
PRIZES = re.compile(r"本賞金:([0-9,、.]{1,120})万円")
MOST_SPANS = 20
PREDICTIONS = "PredictRap_Table"  # computed predictions; not a table of entries
NOT_YET = ("finish", "finish_time", "margin", "positions_at_bends", "last_3f", "odds", "favorite_rank", "prize")
NOT_HERE, NOT_LOCALLY = ("owner", "prize"), ("positions_at_bends",)


def parse_race_card(url: str, text: str) -> Parsed:
    """A race to come and its entries, with their numbers after the draw.

    Raises:
        NoSuchPage: no race has this id.
        ParseError: it is the card of another race, or lists no horse.
    """
    tree = _whole(text, 'id="tr_')
    tables = [
        Table(table, HEADS)
        for table in tree.css("table.Shutuba_Table")[:A_FEW]
        if PREDICTIONS not in (table.attributes.get("class") or "")
    ]
    for table in tables:
        table.rows = [row for row in table.rows if _is_entry(row)]
    return _parse(url, tree, tables, (*NOT_YET, *NOT_HERE))


def parse_live_result(url: str, text: str) -> Parsed:
    """A result on race day, on the host of the cards.

    Raises:
        NoSuchPage: no race has this id.
        ParseError: it is the page of another race, or lists no horse.
    """
    tree = _whole(text, 'class="HorseNameSpan')
    tables = [Table(table, HEADS) for table in tree.css("table#All_Result_Table")[:1]]
    return _parse(url, tree, tables, NOT_HERE)


def _whole(text: str, mark: str) -> LexborHTMLParser:
    if ends_within(text, mark):
        raise ParseError("entries", "the page ends within the table of horses")
    return tree_of(text)


def _parse(url: str, tree: LexborHTMLParser, tables: Sequence[Table], not_here: Sequence[str]) -> Parsed:
    if (
        not any(table.rows for table in tables)
        and not words_of(tree.css_first(".RaceName"))
        and tree.css_first(".RaceData01, .RaceName")
    ):
        raise NoSuchPage("race", f"no race at {url[:200]}")
    race_id = race_id_of(url)
    same_race(tree, race_id)
    race, flaws = _race(tree, race_id)
    read = read_entries(tables, race, _fate)
    if not is_jra(race_id):
        not_here = (*not_here, *NOT_LOCALLY)
    absent = [field for heads, field, _ in COLUMNS if not any(table.has(*heads) for table in tables)]
    missing = [field for field in absent if field not in not_here]
    if is_jra(race_id):
        missing += [field for field in ("surface", "start_time", "meeting_number") if getattr(race, field) is None]
        missing += ["prizes"] if not race.prizes else []
    return Parsed((race, *read.entries), (), tuple(missing), (*flaws, *read.flaws), read.whole)


def _is_entry(row: Row) -> bool:
    """Whether a row is an entry: its id is tr_3, or tr_ before the draw and for a withdrawn horse."""
    classes = (row.node.attributes.get("class") or "").split()
    return "HorseList" in classes and (row.node.attributes.get("id") or "").startswith("tr_")


def _fate(row: Row) -> Values:
    """The `finish` of a horse that will not run; its row stays on the card."""
    if "Cancel" not in (row.node.attributes.get("class") or "").split():
        return {}
    match = FINISH_WORDS.fullmatch(plain(words_of(row.node.css_first("td.Cancel_Txt"))))
    return {"finish": FINISHES[match[1]] if match else Finish.SCRATCHED}


def _race(tree: LexborHTMLParser, race_id: str) -> tuple[RaceItem, list[ParseError]]:
    title = tree.css_first(".RaceName")
    day = day_in(words_of(tree.css_first("title")))
    if day is None:
        raise ParseError("race_date", "the title holds no date")
    name = words_of(title, 100)
    icons = title.css("[class*=Icon_GradeType]")[:A_FEW] if title is not None else []
    grade = grade_of_icons(icon.attributes.get("class") or "" for icon in icons) or grade_in(name)
    reader = RaceReader(race_id)
    reader.values |= {"race_date": day, "name": name, "grade": grade}
    reader.values |= {"race_number": number_in(tree.css_first(".RaceNum"), race_id)}
    _read_ground(reader, tree.css_first(".RaceData01"))
    _read_class(reader, tree.css_first(".RaceData02"), race_id)
    return reader.item(), reader.flaws


def _read_ground(reader: RaceReader, node: LexborNode | None) -> None:
    """15:45発走 / 芝1800m (右 A) / 天候:晴 / 馬場:良."""
    line = unicodedata.normalize("NFKC", words_of(node))
    where = next((text for text in map(words_of, node.css("span")[:MOST_SPANS]) if "m" in text), "") if node else ""
    ground, track = ground_of(where), TRACK.search(line)
    direction, course = track_of(track[1]) if track else (None, None)
    ground = replace(ground, direction=ground.direction or direction, course=ground.course or course)
    reader.values |= asdict(ground)
    reader.read("start_time", lambda: hour_in(line))
    if weather := WEATHER.search(line):
        reader.read("weather", lambda: weather_of(weather[1]))
    if going := GOING.search(line):
        reader.read("going", lambda: going_of(going[1], ground.surface))


def _read_class(reader: RaceReader, node: LexborNode | None, race_id: str) -> None:
    """2回 福島 2日目 サラ系３歳 オープン (国際)(特指) ハンデ 16頭 本賞金:4100,1600,1000,620,410万円, each in a span."""
    spans = [plain(words_of(span)) for span in node.css("span")[:MOST_SPANS]] if node is not None else []
    reader.values |= meeting_of(" ".join(spans), race_id)
    start = next((index for index, word in enumerate(spans, 1) if word.endswith("日目")), 0)
    end = next((index for index, word in enumerate(spans) if FIELD_SIZE.fullmatch(word)), start)
    ages, kind, conditions, weights = (*spans[start:end], "", "", "", "")[:4]
    if weights and not weights.startswith("("):
        weights = f"({weights})"  # as on the page of its result
    reader.values |= {"race_class": f"{ages}{kind}"[:60] or None, "conditions": f"{conditions}{weights}"[:100] or None}
    if match := PRIZES.search(" ".join(spans)):
        reader.read("prizes", lambda: [prize for prize in map(number_of, re.split("[,、]", match[1])) if prize])
