"""How photos, horses, races and issues are called in addresses: patterns for routes, and what is held against them."""

from aiohttp import web

from collector.storage.photo_ids import CODE, NUMBER, SOURCE
from collector.storage.racing import HORSE_ID, RACE_ID

ISSUE = f"{{issue:{SOURCE}:{CODE}}}"
PHOTO = f"{ISSUE}/{{number:{NUMBER}}}"
# As they were called while there was one source.
OLD_PHOTO = "{old_photo:[0-9]{6}-[0-9]{2}}"
OLD_ISSUE = "{old_issue:[0-9]{6}}"
RACE = "{race_id:" + RACE_ID.strip("^$") + "}"
HORSE = "{horse_id:" + HORSE_ID.strip("^$") + "}"


def photo_of(request: web.Request) -> str:
    """The id of the photo that an address names."""
    return f"{request.match_info['issue']}/{request.match_info['number']}"
