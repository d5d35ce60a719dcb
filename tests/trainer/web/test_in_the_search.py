"""The photo search asks a real `trainer serve`: it shows the nearest photos, and those of no other model."""

import dataclasses
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from collector.console.catalogue import PAGES as COLLECTOR
from collector.imports.own_remark import store_remark
from collector.storage.vectors import STORED
from collector.web.app import make_app
from collector.web.asking.client import Asking
from collector.web.service import serving
from tests.collector.web.conftest import generous
from tests.filled import execute
from tests.trainer.web.conftest import REACH, Held, Site, a_horse


@asynccontextmanager
async def asked(conninfo: str, asking: Asking) -> AsyncIterator[TestClient[Any, Any]]:
    """A client of a search that asks somebody."""
    async with (
        serving(conninfo, generous(), store_remark, asking=asking) as service,
        TestClient(TestServer(make_app(service))) as client,
    ):
        yield client


def sent(body: bytes) -> FormData:
    """A form with a photo."""
    form = FormData()
    form.add_field("file", body, filename="horse.jpg")
    return form


async def test_the_photos_shown_are_the_nearest_and_what_was_written_into_the_photo_is_gone(
    placed_in: str, held: Held, site: Site, abroad: Path
) -> None:
    body = abroad.read_bytes()
    _, features = held.predictor.see(held.predictor.prepare(body)[None])[0]
    point = held.gallery.index.project(features[None])[0]
    rows = execute(placed_in, "SELECT digest, vector FROM photo_vector ORDER BY digest")
    away = [((np.frombuffer(vector, STORED).astype(float) - point) ** 2).sum() for _, vector in rows]
    nearest = rows[int(np.argmin(away))][0]
    ((photo,),) = execute(placed_in, "SELECT min(photo) FROM photo_search WHERE digest = %s", nearest)
    async with asked(placed_in, Asking(site.base)) as client:
        answer = await client.post("/ask", data=sent(body))
        text = await answer.text()
        assert answer.status == 200
        assert text.index('class="shots"') < text.index(f'id="photo-{photo}"')
        assert text.count('class="shot"') > 5
        picture = Image.open(io.BytesIO(await (await client.get(f"{answer.url.path}/photo.jpg")).read()))
        assert not picture.getexif()


async def test_photos_with_places_of_another_model_are_not_compared(placed_in: str, site: Site, held: Held) -> None:
    execute(placed_in, "UPDATE photo_vector SET model = 'another'")
    try:
        async with asked(placed_in, Asking(site.base)) as client:
            text = await (await client.post("/ask", data=sent(a_horse()))).text()
            assert f"trainer index --run {held.run.name}" in text
            assert 'class="shot"' not in text
    finally:
        execute(placed_in, "UPDATE photo_vector SET model = %s", held.gallery.index.space)


async def test_a_model_whose_data_set_is_gone_answers_and_compares_nothing(placed_in: str, held: Held) -> None:
    with Site(dataclasses.replace(held, gallery=None), REACH) as site:
        async with asked(placed_in, Asking(site.base)) as client:
            text = await (await client.post("/ask", data=sent(a_horse()), headers={"Accept-Language": "en"})).text()
    assert COLLECTOR.read("en")["ask_no_features"] in text
    assert held.run.facts.data in text
    assert 'class="shot"' not in text
