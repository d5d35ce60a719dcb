"""How photos, horses, races and issues are called in addresses: patterns for routes, and what is held against them."""

import re

from collector.racing import HORSE_ID, RACE_ID

PHOTO = r"{photo:[0-9]{6}-[0-9]{2}}"
PHOTO_NAME = re.compile(r"[0-9]{6}-[0-9]{2}")
ISSUE = r"{code:[0-9]{6}}"
RACE = "{race_id:" + RACE_ID.strip("^$") + "}"
HORSE = "{horse_id:" + HORSE_ID.strip("^$") + "}"
