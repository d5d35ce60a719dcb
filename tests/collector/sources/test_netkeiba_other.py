"""A page of another kind, or of no kind, is never read as the requested page."""

import pytest

from collector.pipeline.derive import derive
from collector.sources.netkeiba import urls
from collector.sources.netkeiba.urls import APTITUDE, COMING_DAY, HORSE, RACE_CALENDAR, RACE_CARD, RACE_RESULT, REVIEWS
from tests.paths import SHARED

REAL = SHARED / "pages" / "real" / "netkeiba"
DB, RACE = "https://db.netkeiba.com", "https://race.netkeiba.com"
ADDRESSES = {
    RACE_RESULT: f"{DB}/race/202305050811/",
    RACE_CARD: urls.race_card_url(RACE, "202305050811"),
    RACE_CALENDAR: f"{RACE}/top/calendar.html?year=2023&month=11",
    COMING_DAY: f"{RACE}/top/race_list_sub.html?kaisai_date=20231126",
    HORSE: f"{DB}/horse/2011100001/",
    APTITUDE: urls.aptitude_url(DB, "2011100001"),
    REVIEWS: urls.reviews_url(DB, "2011100001"),
}
OWN = {
    "horse": HORSE,
    "horse_tekisei": HORSE,
    "race_calendar": RACE_CALENDAR,
    "race_list_sub": COMING_DAY,
    "race_result": RACE_RESULT,
    "race_result_live": RACE_RESULT,
    "shutuba": RACE_CARD,
}


@pytest.mark.skipif(not REAL.is_dir(), reason="no captured pages here")
@pytest.mark.parametrize("kind", ADDRESSES, ids=str)
def test_a_captured_page_of_another_kind_is_a_failure_not_data(kind: str) -> None:
    for path in sorted(REAL.glob("*/*.*")):
        if OWN.get(path.parent.name) == kind:
            continue
        header = "text/html; charset=utf-8" if ".utf8." in path.name else None
        derived = derive("netkeiba", kind, ADDRESSES[kind], path.read_bytes(), header)
        nowhere = "nonexistent" in path.name and kind is RACE_RESULT
        assert derived.failure or nowhere, path
