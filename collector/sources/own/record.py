"""What a person states of a photo: the record that is archived beside its picture. Pure."""

import json
import re
from datetime import date

from pydantic import Field

from collector.sources.beside import Beside, RecordBeside
from collector.sources.parsed import Parsed
from collector.sources.text_tools.text import horse_key
from collector.storage.items import IssueItem, ListedPhotoItem, PhotoItem
from collector.storage.racing import HORSE_ID, RACE_ID

SOURCE, RECORD = "own", "photo_record"
SITE = "https://own.invalid"  # no such host can ever exist: RFC 2606
A_HORSE_ID = re.compile(rf"(?=.*[0-9]){HORSE_ID.strip('^$')}")  # ten letters may be a name


class Record(RecordBeside):
    """A photo as its owner states it."""

    date: date  # the day of the race before which it was taken
    number: int = Field(ge=1, le=999)  # of the photo among those of the day
    horse: str = Field(min_length=1, max_length=40)  # its name, or its id
    race: str | None = Field(default=None, min_length=1, max_length=100)  # its name, or its id
    source: str = Field(min_length=1, max_length=500)  # who took it, or where it was published
    rights: str = Field(min_length=1, max_length=500)  # what may be done with it
    remark: str | None = Field(default=None, min_length=1, max_length=2000)  # on the horse's build and distance

    @property
    def issue_code(self) -> str:
        """The day's photos are one issue: YYMMDD."""
        return f"{self.date:%y%m%d}"

    def as_bytes(self) -> bytes:
        """As it is archived: the same record gives the same bytes."""
        # One without a remark is as it was before there were any: known photos stay known.
        stated = self.model_dump(mode="json", exclude={"remark"} if self.remark is None else None)
        return json.dumps(stated, ensure_ascii=False, sort_keys=True, indent=1).encode()


BESIDE = Beside(SITE, RECORD)
record_url, picture_url, at = BESIDE.record_url, BESIDE.picture_url, BESIDE.at


def parse_record(url: str, text: str) -> Parsed:
    """A photo: its day, its horse, its race, and its picture.

    Raises:
        ParseError: it is not a record of the picture that its address names.
    """
    record = BESIDE.read(Record, url, text)
    key = {"source": SOURCE, "issue_code": record.issue_code, "number": record.number}
    horse_id, race_id = _id(A_HORSE_ID, record.horse), _id(RACE_ID, record.race)
    photo = PhotoItem(
        **key, horse_name=record.horse, horse_key=horse_key(record.horse), page_url=url,
        image_url=picture_url(record.digest), shot_month=record.date.month, shot_day=record.date.day,
        stated_horse_id=horse_id, stated_race_id=race_id, origin=record.source, rights=record.rights,
        comment=record.remark,
    )  # fmt: skip
    race_name = None if race_id else record.race
    listed = ListedPhotoItem(**key, listed_name=record.horse, race_name=race_name, page_url=url)
    issue = IssueItem(source=SOURCE, code=record.issue_code, issue_date=record.date, race_days=[record.date])
    return Parsed((issue, listed, photo))  # no link: its picture comes beside it, or not at all


def _id(pattern: str | re.Pattern[str], text: str | None) -> str | None:
    return text if text and re.fullmatch(pattern, text) else None
