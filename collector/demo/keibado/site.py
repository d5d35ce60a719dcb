"""keibado's look-alike: from a path to a file, in the real encodings. Pure."""

import re
from datetime import date

from collector.demo.answer import HTML, Answer, evening_of
from collector.demo.keibado.issue_pages import issue_index_page, year_index_page
from collector.demo.keibado.layouts import layout_of, picture_path
from collector.demo.keibado.photo_pages import photo_page
from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import Issue, World

YEAR_INDEX = re.compile(r"/keibabook/bn/(\d{4})\.html")
IN_ISSUE = re.compile(r"/keibabook/(\d{6})/(.+)")
PHOTO_PAGE = re.compile(r"photo(\d\d)\.html")


def answer_path(world: World, path: str) -> Answer | None:
    """The file at a path; None where the site has none."""
    if match := YEAR_INDEX.fullmatch(path):
        return _year_index(world, int(match[1]))
    match = IN_ISSUE.fullmatch(path)
    issue = world.find_issue(match[1]) if match else None
    if match is None or issue is None:
        return None
    if match[2] == "index.html":
        return _as_html(issue_index_page(issue), issue.issue_date)
    if page := PHOTO_PAGE.fullmatch(match[2]):
        photo = next((photo for photo in issue.photos if photo.number == int(page[1])), None)
        return _as_html(photo_page(photo), issue.issue_date) if photo else None
    return _image(issue, path)


def _year_index(world: World, year: int) -> Answer | None:
    issues = world.issues(year)
    return _as_html(year_index_page(year, world.years, issues), issues[-1].issue_date) if issues else None


def _as_html(text: str, day: date) -> Answer:
    media_type = HTML + layout_of(day.year).charset_header
    return Answer(text.encode("cp932"), media_type, evening_of(day))


def _image(issue: Issue, path: str) -> Answer | None:
    for photo in issue.photos:
        if photo.picture and picture_path(photo) == path:
            return Answer(draw_photo(photo.picture), "image/jpeg", evening_of(issue.issue_date))
    return None
