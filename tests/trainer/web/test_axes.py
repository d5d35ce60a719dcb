"""Runs that have learnt another axis than distance, also one of a label of one's own: page, API, browser, command."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from collector.storage.racing import Kind
from tests.browser import DESK, PHONE, Opener, assert_accessible, assert_fits, assert_pictures_seen
from tests.filled import execute
from tests.trainer.web.conftest import REACH, Held, Open, Site, a_horse, learnt
from tests.trainer.web.test_api import form, json_of
from tests.trainer.web.test_command import ask, served
from trainer.runs.judged import evaluation_folder
from trainer.web.words import PAGES

KEYS = ("poll/surface", "mine/elegance")
ENDS = {"poll/surface": ("turf", "dirt"), "mine/elegance": ("0", "1")}


def seen_by(its: Held) -> dict[str, Any]:
    """What a server needs to answer with another run."""
    return {"predictor": its.predictor, "gallery": its.gallery}


@pytest.mark.parametrize("key", KEYS)
async def test_an_answer_has_the_ends_of_its_axis_and_no_type(
    opened: Open, axes: dict[str, Held], horse: bytes, key: str
) -> None:
    its = axes[key]
    async with opened(**seen_by(its)) as client:
        answer = await json_of(await client.post("/predict.json", data=form(horse)))
        assert f"<code>trainer evaluate {its.run.name}</code>" in await (await client.get("/")).text()
        assert await json_of(await client.get("/healthz")) == {
            "status": "ok", "run": its.run.name, "data": its.version.name, "label": key, "axis": key.split("/")[1],
            "low_end": ENDS[key][0], "high_end": ENDS[key][1], "verdict": None,
        }  # fmt: skip
    assert (answer["kind"], answer["metres"]) == (None, None)
    assert (answer["label"], answer["axis"]) == (key, key.split("/")[1])
    assert (answer["low_end"], answer["high_end"]) == ENDS[key]
    assert answer["value"] == its.predictor.see(its.predictor.prepare(horse)[None])[0][0].value
    labels = {row["horse_id"]: row["label"] for row in its.gallery.index.table.rows}
    assert [one["value"] for one in answer["similar"]] == [labels[one["horse_id"]] for one in answer["similar"]]
    assert len(answer["similar"]) == 6


async def test_a_distance_says_its_ends_too(opened: Open, horse: bytes) -> None:
    async with opened() as client:
        answer = await json_of(await client.post("/predict.json", data=form(horse)))
    assert (answer["axis"], answer["low_end"], answer["high_end"]) == ("distance", "short", "long")
    assert answer["kind"] in set(Kind)


async def test_the_search_says_what_reviewers_think_on_the_runs_axis(opened: Open, axes: dict[str, Held]) -> None:
    query = (
        "SELECT name, value FROM horse JOIN aptitude USING (horse_id) WHERE axis = 'surface' AND value IS NOT NULL "
        "AND name ~ '^[ァ-ヴ]{4,}$' ORDER BY name LIMIT 1"
    )
    ((name, value),) = execute(axes["poll/surface"].conninfo, query)
    for key, expected in (("poll/surface", value), ("mine/elegance", None)):
        async with opened(**seen_by(axes[key])) as client:
            found = await json_of(await client.post("/search.json", data={"name": name}))
        assert (found["axis"], found["score"]) == (key.split("/")[1], expected)
        assert found["horses"][0]["name"] == name


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("key", KEYS)
async def test_a_page_names_the_axis_and_its_ends_and_no_type(
    opened: Open, axes: dict[str, Held], horse: bytes, key: str, language: str
) -> None:
    words = PAGES.read(language)
    async with opened(**seen_by(axes[key])) as client:
        home = await (await client.get(f"/?lang={language}")).text()
        text = await (await client.post(f"/predict?lang={language}", data=form(horse))).text()
    if key == "poll/surface":
        scale = words["of_scale"].format(low=words["end_turf"], high=words["end_dirt"])
        head, title = words["axis_surface"], words["title_surface"]
        assert f"<li>{words['end_turf']}</li><li>{words['end_dirt']}</li>" in text
    else:
        scale, head, title = words["of_numbers"], "elegance", words["title_own"].format(axis="elegance")
        assert "<li>0</li><li>1</li>" in text
        assert words["similar_label"] in text
    assert f'<h1 tabindex="-1">{words["worth_untested"]}</h1>' in text
    assert f'<p class="value"><span>{head}</span>' in text
    assert f"<span>{scale}</span>" in text
    assert f"<h1>{title}</h1>" in home
    for place in (home, text):
        assert words["lead"] not in place
        assert not [kind for kind in Kind if words[f"type_{kind}"] in place or f"<li>{words[f'zone_{kind}']}" in place]


async def test_every_answer_of_a_run_with_several_labels_stands_beside_what_it_is_worth(
    opened: Open, axes: dict[str, Held], held: Held, horse: bytes
) -> None:
    one = axes["poll/surface"]
    both = learnt(one.conninfo, one.directories, one.version, "label=poll/surface", "also=mine/elegance")
    scores = json.loads((held.run.folder / "evaluation-test" / "scores.json").read_text())
    folder = evaluation_folder(both.run, "test", "mine/elegance")
    folder.mkdir()
    (folder / "scores.json").write_text(json.dumps(scores | {"verdict": "no_skill"}))
    async with opened(**seen_by(both)) as client:
        text = await (await client.post("/predict?lang=en", data=form(horse))).text()
    words = PAGES.read("en")
    assert words["worth_untested"] in text  # of its first label
    row = re.findall(r"<tr>.*?</tr>", text.partition('class="others"')[2], re.S)[1]
    assert "mine/<wbr>elegance" in row
    assert f'<strong class="badge no_skill">{words["verdict_no_skill"]}</strong>' in row


async def test_a_sample_shows_its_own_label_of_the_axis(opened: Open, axes: dict[str, Held]) -> None:
    its = axes["mine/elegance"]
    async with opened(**seen_by(its)) as client:
        home = await (await client.get("/")).text()
        row = int(re.findall(r'name="sample" value="(\d+)"', home)[-1])
        text = await (await client.post("/predict?lang=en", data={"sample": str(row)})).text()
    facts = its.gallery.index.table.rows[row]
    said = {"name": facts["horse_name"], "value": f"{facts['label']:.2f}", "label": "mine/elegance"}
    assert PAGES.read("en")["known_label"].format(**said) in text


def test_the_command_serves_a_run_of_another_axis(axes: dict[str, Held], tmp_path: Path) -> None:
    its = axes["poll/surface"]
    where = {"PADDOCK_HOME": str(its.directories.home), "PADDOCK_DATABASE_URL": its.conninfo}
    with served(its.run.name, tmp_path, **where) as url:
        status, health = ask(f"{url}healthz")
    assert its.run.name in (tmp_path / "err").read_text()
    assert (status, health["label"]) == (200, "poll/surface")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_of_another_axis_in_a_browser(
    browser: Browser, axes: dict[str, Held], tmp_path: Path, language: str
) -> None:
    (tmp_path / "horse.jpg").write_bytes(a_horse())
    with Site(axes["poll/surface"], REACH) as site:
        opener = Opener(browser, site.base)
        for size, dark in ((DESK, False), (PHONE, True)):
            page = opener(language, size, dark=dark)
            page.set_input_files("#file", tmp_path / "horse.jpg")
            page.click("#upload button")
            expect(page.locator(".ends")).to_contain_text(PAGES.read(language)["end_dirt"])
            page.click("#answer summary")
            assert_pictures_seen(page)  # with what it looked at
            assert_fits(page)
            assert_accessible(page)
        opener.close()
    assert opener.complaints == []
