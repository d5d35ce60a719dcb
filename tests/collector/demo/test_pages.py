"""The look-alike has every page of the archive, in its real encoding and with the right facts."""

import hashlib
import re

import pytest

from collector.demo.keibado.site import answer_path
from collector.demo.world.world import World
from collector.sources.keibado.source import KEIBADO
from collector.sources.keibado.urls import ISSUE_INDEX, PHOTO_PAGE, YEAR_INDEX
from collector.sources.parsed import Parsed
from collector.sources.text_tools.text import decode
from collector.storage.items import IssueItem, ListedPhotoItem, PhotoItem
from tests.truth import TruePhoto, Truth, truth

BASE = "http://127.0.0.1:8766"
COMMENTS = re.compile(r"<!-- <font.*?-->", re.S)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def true(world: World) -> Truth:
    return truth(world)


def _page(world: World, path: str) -> str:
    answer = answer_path(world, path)
    assert answer
    return answer.body.decode("cp932")


def _parse(world: World, kind: str, url: str) -> Parsed:
    answer = answer_path(world, url.removeprefix(BASE))
    assert answer
    return KEIBADO.parse(kind, url, decode(answer.body, answer.media_type, KEIBADO.charset))


@pytest.mark.parametrize(
    ("year", "marks"),
    [
        (2005, ['<!-- #BeginLibraryItem "/Library/m_photo.lbi" -->', "◆"]),
        (2007, ['width="140"', 'bgcolor="#003300"', "charset=x-sjis"]),
        (2008, ['width="140"', '"./photo01.html"']),
        (2010, ['width="145"', "charset=Shift_JIS"]),
        (2012, ['class="mini"']),
        (2016, ['class="mini"', '"photo01.html"']),
    ],
)
def test_every_generation_of_the_issue_index_is_there(world: World, year: int, marks: list[str]):
    page = _page(world, f"/keibabook/{world.issues(year)[0].code}/index.html")
    for mark in marks:
        assert mark in page


@pytest.mark.parametrize(
    ("year", "marks"),
    [
        (2005, ["p_name.gif", 'width="309"', "images/p_photo01.jpg"]),
        (2007, ["p_name.gif", 'width="309"', "images/photo_01.jpg", "日撮影)"]),
        (2008, ["p_name.gif", 'width="304"', "images/pp01.jpg"]),
        (2009, ["#003300", 'width="304"', "歳、", "厩舎", 'width="310"']),
        (2012, ["#003300", "images/pp01.jpg", 'width="350" border="1"']),
    ],
)
def test_every_generation_of_the_photo_page_is_there(world: World, year: int, marks: list[str]):
    page = _page(world, f"/keibabook/{world.issues(year)[0].code}/photo01.html")
    for mark in marks:
        assert mark in page


def test_characters_that_only_microsoft_has_are_there(world: World, true: Truth):
    pages = "".join(_page(world, photo.page_path) for photo in true.photos[-150:])
    pages += "".join(_page(world, issue.path) for issue in true.issues)
    assert all(mark in pages for mark in "髙﨑①㈱Ⅱ")


def test_pages_have_the_size_of_real_ones(world: World, true: Truth):
    for path in [photo.page_path for photo in true.photos[::20]] + [issue.path for issue in true.issues]:
        assert 3000 < len((answer_path(world, path) or pytest.fail(path)).body) < 8000


def test_a_page_is_the_same_every_time(true: Truth):
    path = true.photos[-1].page_path
    assert answer_path(World(), path) == answer_path(World(), path)


@pytest.mark.parametrize(
    "path", ["/", "/keibabook/bn/1999.html", "/keibabook/160101/index.html", "/keibabook/999999/index.html"]
)
def test_other_paths_have_nothing(world: World, path: str):
    assert answer_path(world, path) is None


def test_a_link_that_is_commented_out_leads_nowhere(world: World):
    issue = world.issues(2016)[0]
    hidden = COMMENTS.findall(_page(world, f"/keibabook/{issue.code}/index.html"))
    names = [name for comment in hidden for name in re.findall(r"photo\d\d\.html", comment)]
    assert names
    assert all(answer_path(world, f"/keibabook/{issue.code}/{name}") is None for name in names)


def test_the_truth_agrees_with_the_links(world: World, true: Truth):
    for issue in true.issues:
        page = COMMENTS.sub("", _page(world, issue.path))
        linked = [int(number) for number in re.findall(r'href="(?:\./)?photo(\d\d)\.html"', page)]
        assert linked == [photo.number for photo in true.photos if photo.issue_code == issue.code]


def test_pictures_are_there_unless_they_are_missing(world: World, true: Truth):
    last = [photo for photo in true.photos if photo.issue_code.startswith("16")]
    assert sum(photo.missing for photo in last) == 2
    for photo in last:
        answer = answer_path(world, photo.image_path)
        assert (hashlib.sha256(answer.body).hexdigest() if answer else None) == photo.sha256


def test_some_photos_are_shown_again_and_some_as_copies(true: Truth):
    by_shot: dict[str, list[TruePhoto]] = {}
    for photo in true.photos:
        if photo.photo.picture:
            by_shot.setdefault(photo.photo.picture.shot, []).append(photo)
    again = [photos for photos in by_shot.values() if len(photos) > 1]
    assert any(first.sha256 == later.sha256 for first, later in again)
    assert any(first.sha256 != later.sha256 for first, later in again)
    assert all(first.horse_name == later.horse_name for first, later in again)
    assert all(first.image_path != later.image_path for first, later in again)


def test_the_parser_finds_every_issue(world: World, true: Truth):
    links = [
        link.url for year in world.years for link in _parse(world, YEAR_INDEX, f"{BASE}/keibabook/bn/{year}.html").links
    ]
    assert sorted(links) == sorted(BASE + issue.path for issue in true.issues)


def test_the_parser_reads_every_issue_index_as_it_is(world: World, true: Truth):
    found = []
    for issue in true.issues:
        parsed = _parse(world, ISSUE_INDEX, BASE + issue.path)
        assert parsed.missing == ()
        item = parsed.items[0]
        assert isinstance(item, IssueItem)
        assert tuple(item.race_days) == issue.race_days
        found += [photo for photo in parsed.items if isinstance(photo, ListedPhotoItem)]
    assert [(photo.issue_code, photo.number, photo.listed_name, photo.race_name) for photo in found] == [
        (photo.issue_code, photo.number, photo.horse_name, photo.race_name) for photo in true.photos
    ]


def test_the_parser_reads_every_photo_page_as_it_is(world: World, true: Truth):
    for photo in true.photos:
        parsed = _parse(world, PHOTO_PAGE, BASE + photo.page_path)
        assert parsed.missing == ()
        item = parsed.items[0]
        assert isinstance(item, PhotoItem)
        assert (item.horse_name, item.image_url) == (photo.horse_name, BASE + photo.image_path)
        assert (item.coat, item.sex, item.age, item.trainer) == (photo.coat, photo.sex, photo.age, photo.trainer)
        assert (item.shot_month, item.shot_day) == (photo.shot_on.month, photo.shot_on.day)
        assert (item.comment, tuple(item.pedigree)) == (photo.comment, photo.pedigree)
