"""Reasons become short codes; what others said stays beside them as the detail.

Rows that no sentence below fits keep their words: they were written by hand, or by another version.
"""

import importlib.util
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"

RULES = {
    "by hand": "by_hand",
    "name, in no race of those days": "no_entry",
    "open: its races have not been read": "not_read",
    "open: its name has not been looked up": "not_looked_up",
    "open: its horse has no id": "no_horse_id",
    "open: no horse of that name": "unknown_name",
    "open: several horses of that name, none ran on those days": "namesakes",
}
DELAYS = {
    "our own crawl delay": "own",
    "Crawl-delay of robots.txt": "crawl_delay",
    "Request-rate of robots.txt": "request_rate",
    "five times the last answer's duration": "slow_answer",
    "a site on this machine": "loopback",
}
# Code -> what stood before the detail and behind it; None where the sentence has no detail.
BLOCKS: dict[str, tuple[str, str | None]] = {
    "forgotten": ("forgotten on request", None),
    "failing": ("5 pages in a row failed, the last with: ", ""),
    "no_robots": ("robots.txt is out of reach (", "), so everything is disallowed"),
}
FAILURES: dict[str, tuple[str, str | None]] = {
    "robots": ("robots.txt disallows it (", ")"),
    "training": ("robots.txt disallows training on it (", ")"),
    "headers": ("its headers keep it out: ", ""),
    "meta": ("the page's robots meta keeps its photo out", None),
    "forgotten": ("forgotten on request", None),
    "layout_changed": ("the layout of these pages has changed; archived, to be read by `reparse` after a fix", None),
}
SIGNS = "(name|misprint)( and (race|age|sex))*"
SIGN_CODES = SIGNS.replace(" ", "_")
SEVERAL = "open: several horses fit by "

OTHER_BLOCKS = """
UPDATE host SET block_code = CASE WHEN reason LIKE 'the site answered %' THEN 'busy' ELSE 'refused' END
WHERE reason IS NOT NULL AND block_code IS NULL
"""
# By the words of our own code, or else by what a request led to.
BY_WORDS = """CASE
    WHEN error LIKE 'a block page with status 200: %' THEN 'block_page'
    WHEN error LIKE 'parser: %' THEN 'own_error'
    WHEN error LIKE 'storage: %' THEN 'not_storable'
    WHEN error LIKE 'picture: %' THEN 'no_picture'
    WHEN error ~ '^the site answered (429|503|\\d+ and asks for a pause)' THEN 'busy'"""
OTHERS_IN_LOG = f"""
UPDATE fetch_log SET error_code = {BY_WORDS}
    WHEN outcome IN ('refused', 'try_later', 'unsafe', 'gone') THEN outcome
    WHEN outcome = 'error' THEN 'own_error'
    ELSE 'unreadable' END
WHERE error IS NOT NULL AND error_code IS NULL AND outcome <> 'redirect'
"""
OTHERS_BY_LOG = """
WITH last AS (
    SELECT DISTINCT ON (page_id) page_id, error, error_code FROM fetch_log
    WHERE error_code IS NOT NULL ORDER BY page_id, id DESC)
UPDATE page SET error_code = last.error_code FROM last
WHERE page.id = last.page_id AND page.error = last.error AND page.error_code IS NULL
"""
OTHERS = f"""
UPDATE page SET error_code = {BY_WORDS}
    WHEN state = 'quarantined' THEN 'unreadable'
    WHEN state = 'gone' THEN 'gone'
    WHEN last_status IN (401, 403, 451) THEN 'refused'
    WHEN error ~ '^(redirected to |more than \\d+ redirects|an address |packed \\d+ times)'
      OR error ~ ' is (neither http nor https|on none of the sites)$' THEN 'unsafe'
    ELSE 'try_later' END
WHERE error IS NOT NULL AND error_code IS NULL
"""


def _functions(file: str) -> list[str]:
    """The gate's functions as an earlier revision made them."""
    spec = importlib.util.spec_from_file_location("earlier", Path(__file__).with_name(file))
    assert spec is not None
    assert spec.loader is not None
    earlier = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(earlier)
    return list(earlier.FUNCTIONS)


def _before() -> list[str]:
    """The three functions that know why a host is closed, as they stand before this revision."""
    names = ("reserve_slot", "renew_slot", "block_host")
    found = [
        function for function in _functions("20261125_open_requests.py")
        if any(f"FUNCTION {name}(" in function for name in names)
    ]  # fmt: skip
    forgotten = "IF gate.excluded_at IS NOT NULL"
    return [
        function.replace("late float8, OUT", "late float8, page_id bigint, OUT", 1).replace(
            forgotten, f"{forgotten} OR EXISTS (SELECT FROM page WHERE id = page_id AND state = 'excluded')", 1
        )
        if "FUNCTION renew_slot(" in function
        else function
        for function in found
    ]


def _with_codes(function: str) -> str:
    for old, new in (
        ("OUT reason text", "OUT code text, OUT reason text"),
        ("reason := 'forgotten on request';", "code := 'forgotten';"),
        ("reason := gate.reason;", "code := gate.block_code;\n            reason := gate.reason;"),
        ("retry_after float8, why text", "retry_after float8, code text, why text"),
        ("reason = why", "block_code = code, reason = why"),
    ):
        function = function.replace(old, new)
    return function


def _replace(functions: list[str]) -> None:
    for name in ("reserve_slot", "renew_slot", "block_host"):
        op.execute(f"DROP FUNCTION {name}")
    for function in functions:
        op.execute(sa.text(function.replace(":=", r"\:=")))


def _run(query: str, **values: str) -> None:
    op.get_bind().execute(sa.text(query), values)


def _translate(table: str, column: str, words: dict[str, str]) -> None:
    for old, new in words.items():
        _run(f"UPDATE {table} SET {column} = :new WHERE {column} = :old", old=old, new=new)


def _to_codes(table: str, column: str, code: str, sentences: dict[str, tuple[str, str | None]]) -> None:
    for name, (start, end) in sentences.items():
        if end is None:
            query = f"UPDATE {table} SET {code} = :name, {column} = NULL WHERE {column} = :start"
            _run(query, name=name, start=start)
        else:
            query = f"""UPDATE {table} SET {code} = :name, {column} = substr({column}, {len(start) + 1},
                                             length({column}) - {len(start) + len(end)})
                        WHERE starts_with({column}, :start) AND right({column}, {len(end)}) = :end"""
            _run(query, name=name, start=start, end=end)


def _to_sentences(table: str, column: str, code: str, sentences: dict[str, tuple[str, str | None]]) -> None:
    for name, (start, end) in sentences.items():
        detail = "" if end is None else f" || COALESCE({column}, '') || '{end}'"
        _run(f"UPDATE {table} SET {column} = :start{detail} WHERE {code} = :name", name=name, start=start)


def upgrade() -> None:
    op.add_column("host", sa.Column("block_code", sa.String(), nullable=True))
    op.add_column("page", sa.Column("error_code", sa.String(), nullable=True))
    op.add_column("fetch_log", sa.Column("error_code", sa.String(), nullable=True))
    _translate("photo_match", "rule", RULES)
    _run("UPDATE photo_match SET rule = replace(rule, ' ', '_') WHERE rule ~ :signs", signs=f"^{SIGNS}$")
    _run(
        "UPDATE photo_match SET rule = 'several_by_' || replace(substr(rule, length(:several) + 1), ' ', '_')"
        " WHERE rule ~ :pattern",
        several=SEVERAL, pattern=f"^{SEVERAL}{SIGNS}$",
    )  # fmt: skip
    _translate("host", "delay_reason", DELAYS)
    _to_codes("host", "reason", "block_code", BLOCKS)
    _run(OTHER_BLOCKS)
    for table in ("page", "fetch_log"):
        _to_codes(table, "error", "error_code", FAILURES)
    for query in (OTHERS_IN_LOG, OTHERS_BY_LOG, OTHERS):
        op.get_bind().exec_driver_sql(query.replace("%", "%%"))
    _replace([_with_codes(function) for function in _before()])


def downgrade() -> None:
    _replace(_before())
    for table in ("page", "fetch_log"):
        _to_sentences(table, "error", "error_code", FAILURES)
    _to_sentences("host", "reason", "block_code", BLOCKS)
    _translate("host", "delay_reason", {code: words for words, code in DELAYS.items()})
    _run(
        "UPDATE photo_match SET rule = :several || replace(substr(rule, length('several_by_') + 1), '_', ' ')"
        " WHERE rule ~ :pattern",
        several=SEVERAL, pattern=f"^several_by_{SIGN_CODES}$",
    )  # fmt: skip
    _run("UPDATE photo_match SET rule = replace(rule, '_', ' ') WHERE rule ~ :signs", signs=f"^{SIGN_CODES}$")
    _translate("photo_match", "rule", {code: words for words, code in RULES.items()})
    op.drop_column("fetch_log", "error_code")
    op.drop_column("page", "error_code")
    op.drop_column("host", "block_code")
