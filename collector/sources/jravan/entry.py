"""One horse in one race, and one horse, from the records of JRA-VAN's data. Pure."""

import re
from typing import Any

from collector.errors import ParseError
from collector.sources.jravan import codes, values
from collector.sources.jravan.record import Row, horses_url, read
from collector.sources.jravan.shapes import DAM, DAMSIRE, SIRE
from collector.sources.parsed import Parsed, as_far_as_possible
from collector.sources.text_tools.text import horse_key
from collector.storage.items import MOST_HORSES, EntryItem, HorseItem, RaceItem
from collector.storage.racing import Finish, Surface

NUMBER = re.compile(r"[12][0-9]{9}")  # of the stud book: the year of birth, and six digits
OLD_AGES = 2000  # the last year in which a horse was one when it was born
LAST_3F = 600  # m
MANY = 50


def entry_of(row: Row, race: RaceItem, *, scaled: bool) -> tuple[EntryItem, list[ParseError]]:
    """An entry, and what of it could not be read.

    Raises:
        ParseError: it does not name a horse.
    """
    name = values.words(row.get("Bamei"))
    if name is None:
        raise ParseError("Bamei", "no name")
    found: dict[str, Any] = {
        "race_id": race.race_id, "horse_name": name, "horse_key": horse_key(name), "licensed": True,
        "jockey": values.half_width(values.words(row.get("KisyuRyakusyo"))), "jockey_id": _id(row, "KisyuCode", 5),
        "trainer": values.half_width(values.words(row.get("ChokyosiRyakusyo"))),
        "trainer_id": _id(row, "ChokyosiCode", 5),
        "owner": values.half_width(values.words(row.get("BanusiName"))), "owner_id": _id(row, "BanusiCode", 6),
    }  # fmt: skip
    flaws = list[ParseError]()
    for field, reader in READERS.items():
        try:
            found[field] = reader(row, scaled)
        except ParseError as error:
            flaws.append(ParseError(field, error.reason))
    _settle(found, race, flaws)
    entry, impossible = as_far_as_possible(EntryItem, found)
    return entry, [*flaws, *impossible]


def _settle(found: dict[str, Any], race: RaceItem, flaws: list[ParseError]) -> None:
    """What depends on several fields, or on the race."""
    if (age := found.get("age")) and race.race_date.year <= OLD_AGES:
        found["age"] = age - 1
    if found.get("finish") == Finish.FINISHED and not found.get("finish_position"):
        found["finish"] = None  # not run yet, or called off
    if found.get("finish") not in codes.PLACED:
        found["finish_position"] = found["margin"] = None
    if race.surface == Surface.JUMP or race.distance < LAST_3F:
        found["last_3f"] = None  # over hurdles it is a mean time of 200 m
    if (number := found.get("horse_id")) and found.get("age") is not None:
        born = race.race_date.year - found["age"]
        if int(number[:4]) != born:
            flaws.append(ParseError("KettoNum", f"{number} says another year of birth than its age, {born}"))
            found["horse_id"] = None
    found["stated_horse_id"] = found.get("horse_id")


def _id(row: Row, name: str, width: int) -> str | None:
    text = values.digits(row.get(name), width)
    return text[:10] if text.strip("0") else None


def number_of(row: Row) -> str | None:
    """A horse's number in the stud book; None for zeros."""
    text = values.digits(row.get("KettoNum"), 10)
    if not text.strip("0"):
        return None
    if not NUMBER.fullmatch(text):
        raise values.unknown("KettoNum", text)
    return text


def _finish(row: Row) -> Finish | None:
    return codes.FINISHES[values.digits(row.get("IJyoCD"), 1) or "0"]


def _known_finish(row: Row, _scaled: bool) -> Finish | None:
    try:
        return _finish(row)
    except KeyError as error:
        raise values.unknown("IJyoCD", row.get("IJyoCD")) from error


def _bends(row: Row, _scaled: bool) -> list[int]:
    found = (values.whole("positions_at_bends", row.get(f"Jyuni{bend}c")) for bend in range(1, 5))
    positions = [position for position in found if position]
    if any(position > MOST_HORSES for position in positions):
        raise ParseError("positions_at_bends", f"no race has {max(positions)} horses")
    return positions


def _whole(name: str) -> Any:
    return lambda row, _: values.whole(name, row.get(name))


READERS: dict[str, Any] = {
    "horse_id": lambda row, _: number_of(row),
    "bracket_number": _whole("Wakuban"),
    "horse_number": _whole("Umaban"),
    "sex": lambda row, _: values.code("SexCD", row.get("SexCD"), codes.SEXES),
    "age": _whole("Barei"),
    "carried_weight": lambda row, scaled: values.tenths("Futan", row.get("Futan"), scaled=scaled),
    "trainer_base": lambda row, _: values.code("TozaiCD", row.get("TozaiCD"), codes.BASES),
    "finish": _known_finish,
    "finish_position": _whole("KakuteiJyuni"),
    "finish_time": lambda row, scaled: values.seconds("Time", row.get("Time"), scaled=scaled),
    "margin": lambda row, _: values.margin(row.get("ChakusaCD"), row.get("ChakusaCDP"), row.get("ChakusaCDPP")),
    "positions_at_bends": _bends,
    "last_3f": lambda row, scaled: values.last_3f(row.get("HaronTimeL3"), scaled=scaled),
    "odds": lambda row, scaled: values.tenths("Odds", row.get("Odds"), scaled=scaled),
    "favorite_rank": _whole("Ninki"),
    "horse_weight": lambda row, _: values.horse_weight(row.get("BaTaijyu")),
    "horse_weight_change": lambda row, _: values.weight_change(row.get("ZogenSa"), row.get("ZogenFugo")),
    "prize": lambda row, _: values.prize(row.get("Honsyokin"), row.get("Fukasyokin")),
}


def parse_horses(url: str, text: str) -> Parsed:
    """The horses of a page of the stud book; horses that have no name yet are left out.

    Raises:
        ParseError: it is not such a page.
    """
    _, _, rows = read(text)
    items, flaws = dict[str, HorseItem](), list[ParseError]()
    for number, row in enumerate(rows, 1):
        name = values.words(row.get("Bamei"))
        if name is None or values.digits(row.get("DataKubun"), 1) == codes.DELETED:
            continue
        try:
            horse, its = _horse(row, name)
            if horses_url(horse.horse_id[:8]) != url:
                raise ParseError("KettoNum", "the address is that of other horses")
            items.setdefault(horse.horse_id, horse)
        except ParseError as error:
            its = [error]
        flaws += [ParseError(f"row {number}, {flaw.field}", flaw.reason) for flaw in its]
    return Parsed(tuple(items.values()), flaws=tuple(flaws[:MANY]), whole=not flaws)


def _horse(row: Row, name: str) -> tuple[HorseItem, list[ParseError]]:
    found: dict[str, Any] = {
        "horse_id": number_of(row), "name": name, "horse_key": horse_key(name), "licensed": True,
        **{field: values.words(row.get(of)) for field, of in (("sire", SIRE), ("dam", DAM), ("damsire", DAMSIRE))},
    }  # fmt: skip
    flaws = list[ParseError]()
    for field, reader in HORSE_READERS.items():
        try:
            found[field] = reader(row)
        except ParseError as error:
            flaws.append(ParseError(field, error.reason))
    if (born := found.get("born")) and found["horse_id"] and born.year != int(found["horse_id"][:4]):
        raise ParseError("KettoNum", f"{found['horse_id']} says another year of birth than {born}")
    horse, impossible = as_far_as_possible(HorseItem, found)
    return horse, [*flaws, *impossible]


HORSE_READERS: dict[str, Any] = {
    "born": lambda row: values.day("BirthDate", row.get("BirthDate")),
    "sex": lambda row: values.code("SexCD", row.get("SexCD"), codes.SEXES),
    "coat": lambda row: values.code("KeiroCD", row.get("KeiroCD"), codes.COATS, 2),
    "retired": lambda row: {"0": False, "1": True}.get(values.digits(row.get("DelKubun"), 1)),
}
