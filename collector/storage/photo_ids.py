"""A photo's public id, `source:issue/number` as in `example:160104/01`. Everything uses it. Pure."""

import re
from dataclasses import dataclass

SOURCE = "[a-z][a-z0-9_]{1,30}"
CODE = "[0-9A-Za-z_-]{1,40}"
NUMBER = "[0-9]{2,4}"
PHOTO_ID = re.compile(f"({SOURCE}):({CODE})/({NUMBER})")
ISSUE_ID = re.compile(f"({SOURCE}):({CODE})")
OLD_PHOTO = re.compile("([0-9]{6})-([0-9]{2})")  # the ids of the time with only one source
OLD_ISSUE = re.compile("[0-9]{6}")
EXAMPLE = "example:160104/01"


@dataclass(frozen=True, slots=True)
class PhotoKey:
    """The key of a photo's row. Without a source it is an old id, which may fit photos of several sources."""

    source: str | None
    code: str
    number: int


def read_photo_id(text: str) -> PhotoKey | None:
    """The key in an id, new or old; None where it is not an id."""
    if found := PHOTO_ID.fullmatch(text):
        return PhotoKey(found[1], found[2], int(found[3]))
    if old := OLD_PHOTO.fullmatch(text):
        return PhotoKey(None, old[1], int(old[2]))
    return None


def photo_id(source: str, code: str, number: int) -> str:
    """The id of a photo."""
    return f"{source}:{code}/{number:02}"


def current_id(source: str, text: str) -> str:
    """The new form of an id, new or old, of a source's photo."""
    key = read_photo_id(text)
    return text if key is None or key.source else photo_id(source, key.code, key.number)


def file_name(text: str) -> str:
    """An id as a file name for any system: `example-160104-01`. A source's name has no hyphen."""
    return text.replace(":", "-", 1).replace("/", "-", 1)
