"""Pages that are another kind's, or nobody's: whatever is asked for, they are never taken for it."""

from pathlib import Path

import pytest

from collector.derive import derive
from collector.models import PageKind
from collector.sources import netkeiba_url as urls

REAL = Path(__file__).parents[3] / "shared" / "pages" / "real" / "netkeiba"
DB, RACE = "https://db.netkeiba.com", "https://race.netkeiba.com"
ADDRESSES = {
    PageKind.RACE_RESULT: f"{DB}/race/202305050811/",
    PageKind.RACE_CARD: urls.race_card_url(RACE, "202305050811"),
    PageKind.RACE_CALENDAR: f"{RACE}/top/calendar.html?year=2023&month=11",
    PageKind.COMING_DAY: f"{RACE}/top/race_list_sub.html?kaisai_date=20231126",
    PageKind.HORSE: f"{DB}/horse/2011100001/",
    PageKind.APTITUDE: urls.aptitude_url(DB, "2011100001"),
    PageKind.REVIEWS: urls.reviews_url(DB, "2011100001"),
}
OWN = {
    "horse": PageKind.HORSE,
    "horse_tekisei": PageKind.HORSE,
    "race_calendar": PageKind.RACE_CALENDAR,
    "race_list_sub": PageKind.COMING_DAY,
    "race_result": PageKind.RACE_RESULT,
    "race_result_live": PageKind.RACE_RESULT,
    "shutuba": PageKind.RACE_CARD,
}


@pytest.mark.skipif(not REAL.is_dir(), reason="no captured pages here")
@pytest.mark.parametrize("kind", ADDRESSES, ids=str)
def test_a_captured_page_of_another_kind_is_a_failure_and_no_data(kind: PageKind) -> None:
    for path in sorted(REAL.glob("*/*.*")):
        if OWN.get(path.parent.name) == kind:
            continue
        header = "text/html; charset=utf-8" if ".utf8." in path.name else None
        derived = derive("netkeiba", kind, ADDRESSES[kind], path.read_bytes(), header)
        nowhere = "nonexistent" in path.name and kind is PageKind.RACE_RESULT
        assert derived.failure or nowhere, path
