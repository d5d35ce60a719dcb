"""How photos, horses, races and issues are called in addresses: patterns for routes, and what is held against them."""

from collector.storage.photo_ids import CODE, NUMBER, SOURCE
from collector.storage.racing import HORSE_ID, RACE_ID

PHOTO = f"{{photo:{SOURCE}:{CODE}/{NUMBER}}}"
ISSUE = f"{{issue:{SOURCE}:{CODE}}}"
# As they were called while there was one source.
OLD_PHOTO = "{photo:[0-9]{6}-[0-9]{2}}"
OLD_ISSUE = "{issue:[0-9]{6}}"
RACE = "{race_id:" + RACE_ID.strip("^$") + "}"
HORSE = "{horse_id:" + HORSE_ID.strip("^$") + "}"
