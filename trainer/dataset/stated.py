"""From which sources the facts beside photos come, and the starts behind labels: counted, so that a card can say it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString

from collector.codes import Copying
from collector.sources.registry import source_at
from trainer.labels.definition import Connection
from trainer.labels.label import Label

# What is counted, photo by photo; of the horses whose labels were made of starts, each start.
THINGS = {"horse": "horse and pedigree", "race": "race", "entry": "entry and result", "start": "starts behind labels"}
STATED: LiteralString = """
WITH shown AS (SELECT met.race_id, met.horse_id FROM photo JOIN photo_match AS met USING (source, issue_code, number)
    WHERE photo.id = ANY(%(photos)s))
SELECT thing, substring(source_url FROM '^[a-z]+://[^/]+') AS site, count(*) AS count FROM (
    SELECT 'horse' AS thing, source_url FROM shown JOIN horse USING (horse_id)
    UNION ALL SELECT 'race', source_url FROM shown JOIN race USING (race_id)
    UNION ALL SELECT 'entry', source_url FROM shown JOIN entry USING (race_id, horse_id)
    UNION ALL SELECT 'start', source_url FROM entry WHERE horse_id = ANY(%(horses)s)
) AS stated GROUP BY 1, 2 ORDER BY 2, 1
"""


def stated_by(connection: Connection, photos: Sequence[int], horses: Iterable[str]) -> list[dict[str, Any]]:
    """Each source that states facts of these photos or starts of these horses, with how many of each thing."""
    asked = {"photos": list(photos), "horses": sorted(set(horses))}
    found = dict[str, dict[str, Any]]()
    for row in connection.execute(STATED, asked).fetchall():
        source = source_at(row["site"] or "")
        name, title = (source.name, source.title) if source else (row["site"] or "?", row["site"] or "?")
        copying = source.terms.copying.value if source else None
        counts = found.setdefault(name, {"source": name, "title": title, "copying": copying} | dict.fromkeys(THINGS, 0))
        counts[row["thing"]] += row["count"]
    return list(found.values())


def is_of_starts(labels: Mapping[str, Label | None]) -> bool:
    """Whether one of a photo's labels was made of its horse's starts."""
    return any(label and "starts" in json.loads(label.evidence) for label in labels.values())


def stated_section(stated: Sequence[Mapping[str, Any]], photos: int) -> str:
    """The card's lines on where facts come from, and on what of them was had under a licence; empty without any."""
    if not stated:
        return ""
    rows = [["source", *THINGS.values()], ["---", *["--:"] * len(THINGS)]]
    rows += [[one["title"], *(str(one[thing]) for thing in THINGS)] for one in stated]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    parts = [f"The facts beside the photos come from (photos; of labels from results, starts):\n\n{table}"]
    return "\n\n".join([*parts, *(f"**Licensed.** {words}" for words in licensed(stated, photos))])


def licensed(stated: Sequence[Mapping[str, Any]], photos: int) -> list[str]:
    """For each source whose facts were had under a licence, which share that is, and that it is not to be passed on."""
    starts = sum(one["start"] for one in stated)
    return [_licensed(one, photos, starts) for one in stated if one["copying"] == Copying.SUBSCRIBERS]


def _licensed(one: Mapping[str, Any], photos: int, starts: int) -> str:
    shares = [f"the {THINGS[thing]} of {_share(one[thing], photos)} photos" for thing in ("entry", "race", "horse")
              if one[thing]]  # fmt: skip
    shares += [f"{_share(one['start'], starts)} starts behind labels"] if one["start"] else []
    return (
        f"{one['title']}: {', '.join(shares)}. They were had under a licence for its holder's own use: they, and "
        "labels that were made of them, may not be published or passed on unless that licence allows it."
    )


def _share(count: int, whole: int) -> str:
    return f"{count} of {whole} ({count / max(1, whole):.0%})"
