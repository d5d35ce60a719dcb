"""A fleet under siege, its database with it: what is held in the end, and what the site saw, is as if nothing had been.

One more run with other strikes: `pytest tests/chaos/test_database.py -n0 -s --chaos-seed 7 --chaos-strikes 200`.
"""

from pathlib import Path

import pytest

from tests.chaos.fleet import fleet
from tests.chaos.server import server_of_its_own
from tests.chaos.siege import DELAY, WORLD, Siege, undisturbed
from tests.chaos.strikes import KINDS, Stage, plan
from tests.chaos.watched_site import watched_site

LABELS = 0.3  # of the strikes; the others fall upon the crawl


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_crawl_under_siege_holds_the_same_and_asks_as_politely(
    tmp_path: Path, conninfo: str, pytestconfig: pytest.Config
) -> None:
    seed, count = pytestconfig.option.chaos_seed, pytestconfig.option.chaos_strikes
    chosen = pytestconfig.option.chaos_kinds
    kinds = [name.strip() for name in chosen.split(",")] if chosen else [*KINDS]
    phases = await undisturbed(tmp_path, conninfo)
    for_labels = round(LABELS * count)
    plans = [plan(seed, count - for_labels, kinds), plan(seed + 1, for_labels, kinds)]
    with server_of_its_own() as server, watched_site(WORLD) as site:
        async with fleet(tmp_path, server.conninfo, site, DELAY) as ships:
            siege = Siege(Stage(server, site, ships), seed)
            for phase, strikes in zip(phases, plans, strict=True):
                await siege.endure(phase, strikes)
        violations = siege.verdict()
        if violations:
            pytest.fail(siege.report("\n".join([f"{len(violations)} violations, the first:", *violations[:8]])))
        print(siege.summary())  # noqa: T201
