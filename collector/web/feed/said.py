"""News in a reader's language: one line, and the facts behind it. Pure."""

from datetime import datetime

from collector.console.catalogue import Words
from collector.console.wording import JST, on_the_clock
from collector.web.feed.news import News, NewsKind
from collector.web.horse.facts import Row
from collector.web.search.chips import course_words


def title_of(news: News, t: Words) -> str:
    """What has happened to which horse, in one line."""
    return f"{news.name}{t['colon']}{_LINES[news.kind](news, t)}"


def facts_of(news: News, t: Words) -> str:
    """The facts behind it, in one line; empty where the title says all."""
    return " · ".join(filter(None, _FACTS[news.kind](news, t)))


def _photo(news: News, t: Words) -> str:
    (row,) = news.facts
    return t["news_photo"].format(day=t["day"].format(day=_day_of(row)), race=_race(row, t) or t["race_unknown"])


def _photo_facts(news: News, t: Words) -> list[str]:
    (row,) = news.facts
    return [f"{t['issue']} {t['day'].format(day=row['issue_date'])}"]


def _entry(news: News, t: Words) -> str:
    (row,) = news.facts
    said = t["news_entry"].format(day=t["day"].format(day=row["race_date"]), race=_race(row, t))
    return f"{said}: {t.get('finish_' + row['finish'], row['finish'])}" if row["finish"] else said


def _entry_facts(news: News, t: Words) -> list[str]:
    (row,) = news.facts
    surface = t.get(f"surface_{row['surface']}", row["surface"]) if row["surface"] else ""
    return [
        on_the_clock(row["start_time"]) if row["start_time"] else "",
        t["course_is"].format(surface=surface, distance=row["distance"]).strip() if row["distance"] else "",
        f"{t['draw']} {row['horse_number']}" if row["horse_number"] else "",
        row["jockey"] or "",
    ]


def _opinion(news: News, t: Words) -> str:
    return t["comma"].join(f"{t.get('axis_' + row['axis'], row['axis'])} {_change(row)}" for row in news.facts)


def _opinion_facts(news: News, t: Words) -> list[str]:
    reviews = max((row["reviews"] or 0 for row in news.facts), default=0)
    return [t.counted("reviews", reviews)] if reviews else []


_LINES = {NewsKind.PHOTO: _photo, NewsKind.ENTRY: _entry, NewsKind.OPINION: _opinion}
_FACTS = {NewsKind.PHOTO: _photo_facts, NewsKind.ENTRY: _entry_facts, NewsKind.OPINION: _opinion_facts}


def _day_of(row: Row) -> object:
    taken: datetime | None = row["taken_at"]
    return taken.astimezone(JST) if taken else row["race_date"] or row["issue_date"]


def _race(row: Row, t: Words) -> str:
    number = t["race_number"].format(number=row["race_number"]) if row["race_number"] else None
    name = row["race_name"] or row.get("printed_race")
    return " ".join(filter(None, (course_words(row["racecourse"], t), number, name)))


def _change(row: Row) -> str:
    """The new value, after the old one where there was one."""
    return " → ".join("–" if value is None else f"{value:.2f}" for value in _values(row))


def _values(row: Row) -> list[float | None]:
    return [row["value"]] if row["old_value"] is None else [row["old_value"], row["value"]]
