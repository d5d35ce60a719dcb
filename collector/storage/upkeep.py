"""What Postgres does by itself where it always runs, done at once after very many rows were written.

Without it the next commands plan by what the tables were before, and count rows that an index could count. A server
that is started for a command alone never comes to it.
"""

from typing import LiteralString

SETTLE: LiteralString = """
VACUUM (ANALYZE, SKIP_LOCKED) page, blob, fetch_log, issue, photo, photo_match, race_day, race, entry, horse, aptitude,
    other_side, difference
"""
MANY = 1_000  # pages or photos, from which on it is worth its time
