"""What is known of a photo of one's own camera: the record that is archived beside its picture. Pure."""

import json
from datetime import date, datetime, timedelta, timezone
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, NaiveDatetime

from collector.sources.beside import Beside, RecordBeside
from collector.sources.parsed import Parsed
from collector.storage.items import MOST_OF_AN_ISSUE, IssueItem, PhotoItem

SOURCE, RECORD = "camera", "camera_record"
SITE = "https://camera.invalid"  # no such host can ever exist: RFC 2606
JAPAN = timezone(timedelta(hours=9))  # it has had no other time since 1951
FIRST_YEAR, LAST_YEAR = 1952, 2049  # YYMMDD names one day of these years
NUL = "\0"


def is_dated(moment: datetime) -> bool:
    """Whether a moment, in Japan's time, is of a year in which a photo may have been taken."""
    return FIRST_YEAR < moment.year < LAST_YEAR


def _in_japan(moment: datetime) -> datetime:
    if not (FIRST_YEAR <= moment.year <= LAST_YEAR and is_dated(local := moment.astimezone(JAPAN))):
        raise ValueError(f"a photo is not of the year {moment.year}")
    return local


def _writable(text: str) -> str:
    if NUL in text:
        raise ValueError("it has a NUL character, which a database does not hold")
    return text


Words = Annotated[str, AfterValidator(_writable)]


class CameraRecord(RecordBeside):
    """A photo of one's own: when, where and with which camera it was taken, by whom, and what may be done with it."""

    taken: Annotated[AwareDatetime, AfterValidator(_in_japan)]  # by the camera's clock, corrected
    clock: NaiveDatetime | None = None  # what that clock showed; None: the moment is of GPS
    number: int = Field(ge=1, le=MOST_OF_AN_ISSUE)  # of the photo among those of the day
    camera: Words | None = Field(default=None, min_length=1, max_length=100)  # Canon EOS R5 3fa2
    racecourse: Words | None = Field(default=None, min_length=1, max_length=10)  # 東京
    photographer: Words = Field(min_length=1, max_length=500)
    rights: Words = Field(min_length=1, max_length=500)  # what may be done with it
    remark: Words | None = Field(default=None, min_length=1, max_length=2000)

    @property
    def date(self) -> date:
        """The day in Japan."""
        return self.taken.date()

    @property
    def issue_code(self) -> str:
        """The day's photos are one issue: YYMMDD."""
        return f"{self.taken:%y%m%d}"

    def as_bytes(self) -> bytes:
        """As it is archived: the same record gives the same bytes."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, indent=1).encode()


BESIDE = Beside(SITE, RECORD)
record_url, picture_url, at = BESIDE.record_url, BESIDE.picture_url, BESIDE.at


def parse_record(url: str, text: str) -> Parsed:
    """A photo: its moment, its camera, its racecourse, and its picture. Which horse it shows, nothing says yet.

    Raises:
        ParseError: it is not a record of the picture that its address names.
    """
    record = BESIDE.read(CameraRecord, url, text)
    photo = PhotoItem(
        source=SOURCE, issue_code=record.issue_code, number=record.number, horse_name=None, horse_key=None,
        page_url=url, image_url=picture_url(record.digest), shot_month=record.date.month, shot_day=record.date.day,
        comment=record.remark, origin=record.photographer, rights=record.rights, taken_at=record.taken,
        clock=record.clock, camera=record.camera, racecourse=record.racecourse,
    )  # fmt: skip
    issue = IssueItem(source=SOURCE, code=record.issue_code, issue_date=record.date, race_days=[record.date])
    return Parsed((issue, photo))  # no link: its picture comes beside it, or not at all
