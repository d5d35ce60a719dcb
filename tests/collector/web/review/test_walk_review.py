"""Naming the horses of a walk on the review's page, by forms alone."""

import re

import pytest

from tests.collector.web.conftest import ADMIN, Open, Shown, generous
from tests.collector.web.waiting import MAY
from tests.filled import execute
from tests.walked import RACE, fill_day, placed

PATH = f"/review/walks/{RACE}"
FIRST = "camera:150301/01"
HELD = """
SELECT right(horse_id, 2)::int, rule, by_hand, head_turned FROM photo_match WHERE issue_code = '150301' AND number = 1
"""


@pytest.fixture
def walk(own: Shown) -> str:
    """A collection with a race's paddock."""
    fill_day(own.conninfo)
    placed(own.conninfo)
    return own.conninfo


async def test_a_decision_leads_to_the_next_open_photo_and_can_be_taken_back(walk: str, opened: Open) -> None:
    async with opened(conninfo=walk, guard=generous(admin_token=ADMIN)) as client:
        assert PATH in await (await client.get("/review/walks")).text()
        asked = {"photo": FIRST, "shows": "4", "was": ""}
        assert (await client.post(PATH, data=asked)).status == 403
        answer = await client.post(PATH, data=asked, headers=MAY, allow_redirects=False)
        onward = answer.headers["Location"]
        assert answer.status == 303
        assert re.search(rf"at=camera(:|%3A)150301/\d+&was=.*{FIRST[-9:]}(~|%7E)open", onward)
        assert execute(walk, HELD) == [(4, "by_hand", True, False)]
        text = await (await client.get(onward, headers=MAY)).text()
        assert text.count(f"{FIRST}~open") == 2, "in the form, and in the link to the other language"
        for shows, held in (("none", (None, "no_horse", True, False)), ("turn", (None, "no_horse", True, True))):
            await client.post(PATH, data=asked | {"shows": shows}, headers=MAY)
            assert execute(walk, HELD) == [held]
        back = {"photo": "camera:150301/05", "was": f"{FIRST}~open.{FIRST}~4", "back": "yes"}
        answer = await client.post(PATH, data=back, headers=MAY, allow_redirects=False)
        assert answer.headers["Location"].endswith("~open")
        assert execute(walk, HELD) == [(4, "by_hand", True, True)]


@pytest.mark.parametrize("sent", [
    {"photo": FIRST, "shows": "0"}, {"photo": FIRST, "shows": "17"}, {"photo": "x", "shows": "1"},
    {"photo": "camera:150301/0999", "shows": "none"}, {"photo": "camera:150301/0999", "shows": "turn"}, {},
    {"photo": FIRST, "back": "yes"}, {"photo": FIRST, "at": "x"}, {"photo": "x", "at": FIRST},
    {"photo": FIRST, "shows": "1", "at": "x"},
])  # fmt: skip
async def test_what_no_button_sends_changes_nothing(walk: str, opened: Open, sent: dict[str, str]) -> None:
    before = execute(walk, "SELECT md5(string_agg(m::text, '|' ORDER BY id)) FROM photo_match AS m")
    async with opened(conninfo=walk, guard=generous(admin_token=ADMIN)) as client:
        assert (await client.post(PATH, data=sent, headers=MAY, allow_redirects=False)).status in (400, 409, 422)
        assert (await client.get("/review/walks/201501010101")).status == 404
        assert (await client.get(PATH, params={"at": "nothing", "was": "x~y.<script>"})).status == 200
    assert execute(walk, "SELECT md5(string_agg(m::text, '|' ORDER BY id)) FROM photo_match AS m") == before
