"""A backup made before reasons were codes and before photos named their source says the same when it is restored.

`before_codes_and_sources.dump` is a backup at revision 0017 of a crawl of two issues of a look-alike that misbehaved,
with one match decided by hand and two left open; the JSON beside it is what the program of that day answered: its API,
address by address, and `collector status --json`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import psycopg

from collector.console.as_json import json_text
from collector.frontier.status import report
from tests.collector.cli.test_cli import collector, environment
from tests.collector.web.conftest import Open, renewed
from tests.paths import ROOT

BEFORE = ROOT / "tests" / "data" / "before_codes_and_sources"
OLD_PHOTO = re.compile(r"(?<!\d)(\d{6})-(\d{2,3})(?!\d)")
OLD_ISSUE = re.compile(r"(^|/issues/)(\d{6})$")
# What more nights add: horses come due, and asking for each of them every night would have cost more.
BY_THE_CLOCK = ("due_now", "requests_saved")
# Rules as sentences, each with the code and the words that it has now.
RULES = {
    "name": ("name", "name"),
    "by hand": ("by_hand", "a person"),
    "open: several horses fit by name": ("several_by_name", "several horses fit by name"),
    "open: its races have not been read": ("not_read", "its races have not been read"),
}


def renamed(said: Any) -> Any:
    """What was said, with the ids of photos and issues and the codes of rules that they have now."""
    if isinstance(said, Mapping):
        new = {name: value if name == "code" else renamed(value) for name, value in said.items()}
        if "decided_at" in new:
            new["rule"], new["how"] = RULES[said["rule"]]
        return new | ({"issue": renamed(said["code"])} if "race_days" in said else {})
    if isinstance(said, list):
        return [renamed(value) for value in said]
    return said if not isinstance(said, str) else OLD_ISSUE.sub(r"\1keibado:\2", OLD_PHOTO.sub(r"keibado:\1/\2", said))


def no_more_than(expected: Any, answer: Any) -> Any:
    """An answer without the fields that were not expected: a later release may say more."""
    if isinstance(expected, Mapping) and isinstance(answer, Mapping):
        return {name: no_more_than(expected[name], its) for name, its in answer.items() if name in expected}
    if isinstance(expected, list) and isinstance(answer, list) and len(expected) == len(answer):
        return [no_more_than(*both) for both in zip(expected, answer, strict=True)]
    return answer


def timeless(said: dict[str, Any]) -> dict[str, Any]:
    """What was said, without what depends on when one asks."""
    return {name: value for name, value in said.items() if name not in BY_THE_CLOCK}


async def test_a_backup_from_before_says_the_same(empty_conninfo: str, opened: Open) -> None:
    before = json.loads(BEFORE.with_suffix(".json").read_text(encoding="utf-8"))
    done = await collector("db", "restore", str(BEFORE.with_suffix(".dump")), env=environment(empty_conninfo))
    assert done.returncode == 0, done.stderr
    renewed(empty_conninfo)
    async with opened(conninfo=empty_conninfo) as client:
        for address, said in before["addresses"].items():
            expected = renamed(said)
            assert no_more_than(expected, await (await client.get(address)).json()) == expected, address
    async with await psycopg.AsyncConnection.connect(empty_conninfo) as connection:
        now = await report(connection)
    for part in ("matches", "held", "labels"):
        assert timeless(json.loads(json_text(now[part]))) == timeless(before[part]), part
    failures = [{name: row[name] for name in before["failures"][0]} for row in json.loads(json_text(now["failures"]))]
    assert failures == before["failures"]
