"""Photos that look alike: exactly the nearest ones, one of each other horse, on the page of a photo."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.storage.vectors import STORED
from collector.web.likeness.space import space_of
from tests.collector.web.conftest import ADMIN, Open, Shown, generous
from tests.collector.web.waiting import send
from tests.filled import execute

# Few values, so that ties and equal vectors are common.
points = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 5)), min_size=1, max_size=60)


def row(number: int, x: float, y: float, horse: int) -> tuple[str, bytes, str, str]:
    return f"{number:03}", np.array([x, y], STORED).tobytes(), f"photo {number}", f"horse {horse}"


BROKEN = (row(0, 1, 2, 0)[1][:-1], row(0, 1, 2, 0)[1] * 2, b"")


@given(points, st.integers(1, 8))
def test_the_nearest_photo_of_each_of_the_nearest_horses_is_found(
    given_points: list[tuple[int, int, int]], count: int
) -> None:
    space = space_of([row(number, *point) for number, point in enumerate(given_points)])
    x, y, horse = given_points[0]
    away: dict[int, float] = {}
    for other_x, other_y, other in given_points:
        if other != horse:
            away[other] = min(away.get(other, np.inf), (other_x - x) ** 2 + (other_y - y) ** 2)
    found = [int(photo.removeprefix("photo ")) for photo in space.nearest("000", count)]
    reached = [(given_points[at][0] - x) ** 2 + (given_points[at][1] - y) ** 2 for at in found]
    assert reached == pytest.approx(sorted(away.values())[:count])
    assert len({given_points[at][2] for at in found}) == len(found)


def test_a_picture_without_a_place_has_nothing_like_it() -> None:
    assert space_of([]).nearest("a", 3) == []
    assert space_of([row(1, 0, 0, 1)]).nearest("a", 3) == []
    assert space_of([row(1, 0, 0, 1)]).nearest("001", 3) == []


def test_a_vector_that_is_cut_off_or_longer_has_no_place_and_the_others_keep_theirs() -> None:
    whole = [row(number, number, 0, number) for number in range(3)]
    broken = [(f"broken {number}", body, "photo", "horse") for number, body in enumerate(BROKEN)]
    space = space_of([broken[0], *whole, *broken[1:]])
    assert space.nearest("000", 9) == ["photo 1", "photo 2"]
    assert [space.nearest(digest, 9) for digest, *_ in broken] == [[]] * len(broken)
    assert space_of([("a", b"\0", "photo", "horse")]).photos == []


async def test_broken_vectors_end_in_one_warning_and_the_page_goes_on(
    opened: Open, own: Shown, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.web.likeness.likeness.HOLDS", -1.0)  # each page looks again
    found = execute(own.conninfo, "SELECT min(photo), digest FROM photo_search GROUP BY digest ORDER BY 1 LIMIT 5")
    for (_, digest), body in zip(found, [row(0, 1, 2, 3)[1], row(0, 1, 3, 3)[1], *BROKEN], strict=True):
        execute(own.conninfo, "INSERT INTO photo_vector (digest, model, vector) VALUES (%s, 'm', %s)", digest, body)
    async with opened(conninfo=own.conninfo) as client:
        for photo, _ in [*found, *found]:
            assert (await client.get(f"/photos/{photo}")).status == 200
            execute(own.conninfo, "UPDATE photo_vector SET indexed_at = now()")  # it is read again
    said = [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    assert [record.__dict__["reason"] for record in said] == ["3 of their vectors have another length than most"]


async def test_a_photos_page_shows_what_looks_like_it_until_that_is_forgotten(opened: Open, own: Shown) -> None:
    rows = execute(
        own.conninfo,
        "SELECT DISTINCT ON (shows) photo, digest FROM photo_search AS one WHERE horse_id IS NOT NULL AND NOT EXISTS ("
        " SELECT FROM photo_search AS other WHERE other.digest = one.digest AND other.shows <> one.shows)"
        " ORDER BY shows, dated LIMIT 4",
    )
    for place, (_, digest) in enumerate(rows):
        execute(
            own.conninfo,
            "INSERT INTO photo_vector (digest, model, vector) VALUES (%s, 'm', %s)",
            digest, np.array([place, 0], STORED).tobytes(),
        )  # fmt: skip
    photo, near, far, farthest = (name for name, _ in rows)

    async def alike(client: object, path: str = "") -> list[str]:
        text = await (await client.get(f"/photos/{photo}{path}")).text()  # pyright: ignore[reportAttributeAccessIssue]
        return re.findall(r'href="/photos/([^"/]+/\d+)"', text.partition("</article>")[2] if not path else text)

    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        assert list(dict.fromkeys(await alike(client))) == [near, far, farthest]
        assert list(dict.fromkeys(await alike(client, "/like"))) == [photo, near, far, farthest]
        answer = await client.get(f"/photos/{farthest}/like")
        assert "Photos like" in await answer.text()
        await send(client, "/review/forget", photo=near, sure="yes")
        assert list(dict.fromkeys(await alike(client))) == [far, farthest]
    assert execute(own.conninfo, "SELECT count(*) FROM photo_vector") == [(3,)]
    async with opened(conninfo=own.conninfo) as client:
        other = execute(own.conninfo, "SELECT photo FROM photo_search WHERE NOT photo = ANY (%s) LIMIT 1",
                        [name for name, _ in rows])[0][0]  # fmt: skip
        assert "trainer index" in await (await client.get(f"/photos/{other}/like")).text()
        assert (await client.get("/photos/keibado:999999/01/like")).status == 404
