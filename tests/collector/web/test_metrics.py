"""The numbers for Prometheus: what is counted, under which labels, and what never becomes one."""

import asyncio
import time
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.collector.web.conftest import Open, Shown, generous
from tests.filled import execute

Numbers = dict[tuple[str, tuple[str, ...]], float]  # by name, and the values of its labels by their names


async def numbers(client: Any) -> Numbers:
    """All numbers now."""
    answer = await client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = [one for family in text_string_to_metric_families(await answer.text()) for one in family.samples]
    return {(one.name, tuple(one.labels.values())): one.value for one in samples}


def requests(measured: Numbers, *labels: str) -> float | None:
    return measured.get(("paddock_requests_total", labels))


async def test_requests_are_counted_by_route_method_and_status(opened: Open, shown: Shown) -> None:
    (one, other) = [name for (name,) in execute(shown.conninfo, "SELECT shows FROM horse_search ORDER BY 1 LIMIT 2")]
    async with opened() as client:
        for path in (
            f"/api/horses/{one}",
            f"/api/horses/{other}",
            "/api/horses/9999999999",
            "/photos/keibado:991231/99",
        ):
            await client.get(path)
        await client.head("/issues")
        await client.post("/issues")
        await client.get("/api/horses?limit=x")
        await client.get("/static/look/look.css")
        await client.get("/static/look/look.css", headers={"Range": "bytes=0-9"})
        measured = await numbers(client)
    assert requests(measured, "GET", "/api/horses/{horse_id}", "200") == 2
    assert requests(measured, "GET", "/api/horses/{horse_id}", "404") == 1
    assert requests(measured, "GET", "/photos/{issue}/{number}", "404") == 1
    assert requests(measured, "HEAD", "/issues", "200") == 1
    assert requests(measured, "POST", "none", "405") == 1
    assert requests(measured, "GET", "/api/horses", "400") == 1
    assert requests(measured, "GET", "/static/look", "200") == 1
    assert requests(measured, "GET", "/static/look", "206") == 1
    assert measured["paddock_request_seconds_count", ("/api/horses/{horse_id}",)] == 3
    assert measured["paddock_request_seconds_bucket", ("+Inf", "/api/horses/{horse_id}")] == 3
    assert measured["paddock_request_seconds_sum", ("/api/horses/{horse_id}",)] > 0


async def test_what_the_guard_refuses_is_counted_too(opened: Open) -> None:
    async with opened(guard=generous(token="a-token")) as client:
        await client.get("/issues")
        assert (await client.get("/metrics")).status == 401
        client.session.headers["Authorization"] = "Bearer a-token"
        measured = await numbers(client)
    assert requests(measured, "GET", "/issues", "401") == 1
    assert requests(measured, "GET", "/metrics", "401") == 1


async def test_no_address_and_no_odd_method_ever_becomes_a_label(opened: Open) -> None:
    async with opened() as client:
        for place in range(30):
            await client.get(f"/horses/ヒミツ{place}")
            await client.get(f"/secret/{place}?name=ヒミツ")
            await client.get(f"/static/secret{place}")
        await client.request("PROPFIND", "/issues")
        measured = await numbers(client)
        text = await (await client.get("/metrics")).text()
    assert requests(measured, "GET", "none", "404") == 30
    assert requests(measured, "GET", "/static", "404") == 30
    assert requests(measured, "other", "none", "405") == 1
    assert "secret" not in text
    assert "ヒミツ" not in text


async def test_a_photo_that_is_made_small_is_counted_once(opened: Open, own: Shown) -> None:
    ((photo,),) = execute(own.conninfo, "SELECT photo FROM photo_search LIMIT 1")
    async with opened(conninfo=own.conninfo) as client:
        assert (await numbers(client))["paddock_pictures_made_total", ()] == 0
        for _ in range(3):
            assert (await client.get(f"/photos/{photo}/160.jpg")).status == 200
        assert (await numbers(client))["paddock_pictures_made_total", ()] == 1


async def test_the_age_of_the_search_is_given_in_seconds(opened: Open, own: Shown) -> None:
    began = time.monotonic()
    async with opened(conninfo=own.conninfo) as client, asyncio.timeout(20):
        measured: Numbers = {}
        while ("paddock_search_age_seconds", ()) not in measured:  # not before the search has been looked at
            await asyncio.sleep(0.05)
            measured = await numbers(client)
        first = measured["paddock_search_age_seconds", ()]
        await asyncio.sleep(0.2)
        later = (await numbers(client))["paddock_search_age_seconds", ()]
    assert 0 <= first < first + 0.2 <= later <= time.monotonic() - began


async def test_two_servers_in_one_process_count_apart(opened: Open) -> None:
    async with opened() as one, opened() as other:
        await one.get("/issues")
        assert requests(await numbers(one), "GET", "/issues", "200") == 1
        assert requests(await numbers(other), "GET", "/issues", "200") is None
