"""What the fields of addresses and answers hold: ids, numbers, times, addresses on this server."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationInfo

from collector.remarks.build import TAGS
from collector.storage.photo_ids import EXAMPLE, ISSUE_ID, NUMBER, PHOTO_ID
from collector.storage.racing import HORSE_ID, RACE_ID, Going, Kind, Sex, Surface
from collector.web.pictures import WIDTHS
from collector.web.search.address import CURSOR, LONGEST, Result, Sort
from collector.web.server.answers import means

WIDTH = 640  # px of the picture that is named beside a photo
SMALL = f"The photo on this server, {WIDTH} px wide at most"
JAPAN = ZoneInfo("Asia/Tokyo")


def _on_this_server(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda known: f"/photos/{known['photo']}{name}"


def _if_held(name: str) -> BeforeValidator:
    """An address on this server in place of a digest; None where no bytes are held."""
    address = _on_this_server(name)
    return BeforeValidator(lambda digest, known: None if digest is None else address(known.data))


def _in_japan(at: dt.time | None, known: ValidationInfo) -> str | None:
    return dt.datetime.combine(known.data["date"], at, JAPAN).isoformat() if at else None


Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Moment = Annotated[dt.datetime, means("UTC.")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Start = Annotated[Time | None, means("In Japan's time.", "start_time"), BeforeValidator(_in_japan)]  # on the `date`
Born = Annotated[int | None, means("Of the horse; null: not known.", "born")]
SourceUrl = Annotated[str, means("Where this was read.")]
HorseId = Annotated[str, means("Of a horse, as the source of races has it.", pattern=HORSE_ID)]
RaceId = Annotated[str, means("Year, racecourse, meeting, day, race.", pattern=RACE_ID)]
IssueId = Annotated[str, means("Source and the issue's code.", pattern=f"^{ISSUE_ID.pattern}$")]
PhotoId = Annotated[str, means(f"Source, issue and number: {EXAMPLE}.", pattern=f"^{PHOTO_ID.pattern}$")]
# Of a `photo`; the last two where it has a `digest`.
PhotoPage = Annotated[str, means("Its page on this server.", default_factory=_on_this_server(""))]
ListedPicture = Annotated[str, means(f"{SMALL}.", default_factory=_on_this_server(f"/{WIDTH}.jpg"))]
Picture = Annotated[str | None, means(f"{SMALL}; null: it is not held.", "digest"), _if_held(f"/{WIDTH}.jpg")]
Original = Annotated[
    str | None,
    means("Its bytes as they came, on this server; of one's own camera, a copy.", "digest"),
    _if_held("/original"),
]

Name = Annotated[str, means(f"Part of a horse's name, in kana or Latin letters; {LONGEST} characters are read.")]
Year = Annotated[int, means("Of the issue.", ge=1900, le=2099)]
# The state of the search page.
SEARCH: dict[str, Any] = {
    "name": Annotated[
        str, means(f"Part of a horse's name; or words, each in its name or the photo's remark. {LONGEST} characters.")
    ],
    "year": Year,
    "race": Annotated[str, means("Part of a race's name, as printed.")],
    "course": Annotated[str, means("Racecourse: 東京.")],
    "surface": Annotated[Surface, means("Of the race.")],
    "sex": Sex,
    "age": Annotated[int, means("Years.", ge=0, le=99)],
    "low": Annotated[Share, means("Distance aptitude from here on, 0 short to 1 long; four decimals at most.")],
    "high": Annotated[Share, means("Distance aptitude up to here; four decimals at most.")],
    "tag": Annotated[Literal[*TAGS], means("A word of the build that the photo's remark has.")],
    "metres": Annotated[int, means("A distance at which the remark says that it is best or fine.", ge=100, le=9999)],
    "labelled": Annotated[Literal["0", "1"], means("1: only horses that reviewers have rated.")],
    "distance": Annotated[int, means("Of the race, in metres.", ge=100, le=9999)],
    "going": Annotated[Going, means("Of the race.")],
    "grade": Annotated[str, means("Of the race, G1 to OP; or its class: new, maiden, win1, win2, win3.")],
    "result": Annotated[Result, means("The place in which the horse came in.")],
    "kind": Annotated[Kind, means("Of the horse, by its distance aptitude.")],
    "sire": Annotated[str, means("The whole name of the horse's sire.")],
    "trainer": Annotated[str, means("The trainer's name, as printed.")],
    "coat": Annotated[str, means("The horse's colour, as printed: 鹿毛.")],
    "source": Annotated[str, means("Where the photo is from: what its id begins with.")],
    "sort": Annotated[Sort, means("The order of the horses; short and long are of their distance aptitude.")],
    "before": Annotated[str, means("As `next` has it.", pattern=f"^{CURSOR.pattern}$")],
}
# What stands in paths.
IN_PATHS: dict[str, Any] = {
    "horse_id": HorseId,
    "race_id": RaceId,
    "issue": IssueId,
    "number": Annotated[str, means("Of the photo within the issue: 01.", pattern=f"^{NUMBER}$")],
    "width": Annotated[Literal[*WIDTHS], means("px; a photo that is narrower keeps its own width.")],
}


def limit(unless_asked: int, most: int) -> Any:
    """How many are wanted at most."""
    return Annotated[int, Field(ge=1, le=most, json_schema_extra={"default": unless_asked})]
