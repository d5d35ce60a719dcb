"""Photos are found by time: back numbers with covers, and a calendar of race days."""

import re
from datetime import date

from collector.web.calendar import months_of
from tests.collector.web.conftest import Open, Shown
from tests.filled import execute


async def test_each_back_number_of_a_year_has_its_first_photo_as_cover(opened: Open, shown: Shown) -> None:
    issues = "SELECT code, photo_id FROM (SELECT DISTINCT ON (issue.code) issue.code, photo_id FROM issue" \
        " JOIN photo ON issue_code = code AND digest IS NOT NULL WHERE extract(year FROM issue_date) = 2015" \
        " ORDER BY issue.code, number) AS first ORDER BY code DESC"  # fmt: skip
    async with opened() as client:
        text = await (await client.get("/issues?year=2015")).text()
        newest = await (await client.get("/issues")).text()
    covers = re.findall(r'<a href="/issues/keibado:(\d+)"><img src="/photos/(\S+?)/320.jpg"', text)
    assert covers == execute(shown.conninfo, issues)
    years = execute(
        shown.conninfo, "SELECT DISTINCT extract(year FROM issue_date)::int::text FROM issue ORDER BY 1 DESC"
    )
    assert re.findall(r'href="/issues\?year=(\d+)"', newest) == [year for (year,) in years]
    assert re.findall(r'href="/issues\?year=(\d+)" aria-current', newest) == [years[0][0]]


async def test_the_calendar_leads_from_each_day_with_photos_to_all_its_races(opened: Open, shown: Shown) -> None:
    days = "SELECT race_date::text, count(*), count(DISTINCT race_id) FROM photo_search" \
        " WHERE extract(year FROM race_date) = 2015 GROUP BY 1 ORDER BY 1"  # fmt: skip
    async with opened() as client:
        text = await (await client.get("/races?year=2015", headers={"Accept-Language": "en"})).text()
        shown_days = re.findall(r'href="/races\?day=(\S+?)#day" aria-label="[^"]+, (\d+) photos?"', text)
        assert [(day, int(photos)) for day, photos in shown_days] == [(day, photos) for day, photos, _ in
                                                                execute(shown.conninfo, days)]  # fmt: skip
        for day, _, races in execute(shown.conninfo, days)[:3]:
            text = await (await client.get(f"/races?day={day}")).text()
            of_day = execute(shown.conninfo, "SELECT DISTINCT race_id FROM photo_search WHERE race_date = %s", day)
            found = re.findall(r'<a href="/races/(\w{12})"', text)
            assert sorted(found) == sorted(race_id for (race_id,) in of_day)
            assert len(found) == races
            assert re.search(rf'day={day}#day"[^>]* aria-current="date"', text)


async def test_a_day_that_is_none_is_the_readers_mistake(opened: Open) -> None:
    async with opened() as client:
        for wrong in ("day=2016-02-30", "day=today", "year=16"):
            assert (await client.get(f"/races?{wrong}")).status == 400
        assert (await client.get("/issues?year=16")).status == 400


def test_only_months_with_race_days_are_drawn() -> None:
    months = months_of({date(2016, 1, 5): 1, date(2016, 1, 31): 2, date(2016, 12, 25): 3})
    assert [month for month, _ in months] == [date(2016, 1, 1), date(2016, 12, 1)]
    assert months[0][1][0][0] == date(2015, 12, 28)  # a Monday
