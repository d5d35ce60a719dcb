"""Names that fit what has been typed, as SQL. Pure."""

from typing import Any, LiteralString

from collector.web.search.names import Typed

AS_WRITTEN = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})  # what LIKE would read otherwise
IN_NAMES: LiteralString = "name_keys LIKE %(part)s"
IN_LATIN: LiteralString = "latin LIKE %(part)s"
# The name that begins so before the one that only holds it; of several, the one photographed last.
SUGGEST: LiteralString = """
SELECT shows, horse_name, born, photos, newest FROM horse_search WHERE {named}
ORDER BY {key} LIKE %(beginning)s DESC, newest DESC, shows LIMIT %(most)s
"""


def suggest_statement(typed: Typed, most: int) -> tuple[LiteralString, dict[str, Any]]:
    """The statement that suggests names, and its values."""
    part = typed.part.translate(AS_WRITTEN)
    statement = SUGGEST.format(named=_named(typed), key="latin" if typed.latin else "horse_key")
    return statement, {"part": f"%{part}%", "beginning": f"{part}%", "most": most}


def _named(typed: Typed) -> LiteralString:
    return IN_LATIN if typed.latin else IN_NAMES
