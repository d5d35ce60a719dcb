"""Names have one key however they are mistyped: those that are kept get the key they have now.

The keys are made here as on this day, whatever becomes of the function. Nearly every name is full-width katakana, and
its own key: only the others are looked at.

An earlier revision (0013) made keys that some more misprints escaped; its work is done here, too.
"""

import re
import unicodedata
from typing import LiteralString

import psycopg
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"

KEYS: dict[LiteralString, LiteralString] = {"entry": "horse_name", "horse": "name", "photo": "horse_name"}
UNLIKE: LiteralString = """
SELECT DISTINCT {name}, horse_key FROM {table} WHERE {name} !~ '^[ァ-ヴー]+$'
"""
RENAME: LiteralString = """
UPDATE {table} SET horse_key = %(new)s WHERE horse_key = %(old)s AND {name} = %(name)s
"""
RENEW = """
DELETE FROM latin_name WHERE NOT EXISTS (SELECT FROM photo WHERE photo.horse_key = latin_name.horse_key)
    AND NOT EXISTS (SELECT FROM horse WHERE horse.horse_key = latin_name.horse_key);
REFRESH MATERIALIZED VIEW photo_search;
REFRESH MATERIALIZED VIEW horse_search;
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    changed = 0
    for table, name in KEYS.items():
        found = connection.execute(UNLIKE.format(table=table, name=name).encode()).fetchall()
        renamed = [
            {"name": printed, "old": old, "new": new} for printed, old in found if (new := horse_key(printed)) != old
        ]
        with connection.cursor() as cursor:
            cursor.executemany(RENAME.format(table=table, name=name).encode(), renamed)
        changed += len(renamed)
    if changed:
        connection.execute(RENEW)


def downgrade() -> None:
    """The earlier keys differ for misprints alone; `collector reparse` of the earlier version makes them again."""


# --- the key of a horse's name as of this revision ------------------------------------------------------------

DASHES = "‐‑‒–—―−－﹣﹘⁃─━➖ー"
# Marks of horses trained abroad or on local tracks, as sites print them beside a name.
IN_BRACKETS = re.compile(r"[\[({【〔〖<《〈「『≪](?:マル|カク)?[外地父市抽招][\])}】〕〗>》〉」』≫]")
IN_FRONT = re.compile(r"^(?:[□■○●◯〇☐▢△▲☆★◇\u20dd\u20de]?[外地父市抽招]|(?:マル|カク)[外地父市抽招])+(?=.)")
CIRCLED = re.compile("[\u3220-\u3247\u3280-\u32b0\U0001f210-\U0001f23b\U0001f240-\U0001f248]")
UNSEEN = re.compile(
    r"[\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
# ゛ and ゜ on their own, as in ウ゛, and lines above, which would be taken for accents.
VOICING = str.maketrans("\u309b\u309c\u203e\uffe3\xaf", "\u3099\u309aーーー")
MOST_LAYERS = 9  # marks within marks
BULLETS = "・･●•◆■*＊"
QUOTES = '「」『』"“”〝〟'
KATAKANA = re.compile("[ァ-ヴー]+")
AS_KATAKANA = {code: code + 0x60 for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
# What stands for ー behind a katakana: dashes, lines of tables, of vertical writing, and the kanji that looks like it.
LINES = "~〜～∼⁓〰⎯╌╴┄┅┈⸺⸻ˉ˗\u1173㇐|│丨一"
LONG = re.compile(f"(?<=[ァ-ヺー])[{re.escape(DASHES)}{LINES}\\-]+(?=[ァ-ヺ・]|$)")
RING = re.compile("(?<=[ハヒフヘホ])[°˚]")  # as in ハ°
# Kanji that look like katakana, which they are in a name that is katakana else.
LOOK_ALIKE = str.maketrans("二八力口工夕卜才千三又丿囗亻廾乂厶匕彐", "ニハカロエタトオチミヌノロイサメムヒヨ")
ALL_KATAKANA = re.compile("(?=.*[ァ-ヺ])[ァ-ヺー・二八力口工夕卜才千三又丿囗亻廾乂厶匕彐]+")
REPEATED = re.compile("([ァ-ヺ])([ヽヾ])")
DOTS = re.compile("(?<=[ァ-ヺー])[·•‧∙⋅･](?=[ァ-ヺ])")
ACCENTS = re.compile("[\u0300-\u036f]")
APOSTROPHES = str.maketrans("‘’ʼ`´", "'''''")


def horse_key(name: str) -> str:
    """A name as it is compared: one key however people and sites write it.

    That is full-width katakana (or small Latin letters), without spaces, bullets, accents, and marks of origin.
    """
    if KATAKANA.fullmatch(name):
        return name  # nearly every one
    key = name
    for _ in range(MOST_LAYERS):
        key, before = _spelt_alike(_without_marks(key)), key
        if key == before:
            break
    return key


def _without_marks(name: str) -> str:
    """A name without spaces and marks, unless there is nothing else."""
    whole = UNSEEN.sub("", unicodedata.normalize("NFKC", UNSEEN.sub("", name).translate(VOICING)))
    plain = CIRCLED.sub("", UNSEEN.sub("", name)).translate(VOICING)
    normal = UNSEEN.sub("", unicodedata.normalize("NFKC", plain))
    bare = IN_FRONT.sub("", IN_BRACKETS.sub("", normal).lstrip(BULLETS)).lstrip(BULLETS).strip(QUOTES)
    return bare or normal or whole


def _spelt_alike(name: str) -> str:
    """A name without what people mistype: dashes for ー, hiragana, kanji and dots that look the same, accents."""
    key = RING.sub("\u309a", name.translate(AS_KATAKANA))
    key = LONG.sub(lambda match: "ー" * len(match[0]), unicodedata.normalize("NFC", key))
    if ALL_KATAKANA.fullmatch(key):
        key = key.translate(LOOK_ALIKE)
    key = REPEATED.sub(_written_twice, DOTS.sub("・", key))
    key = ACCENTS.sub("", unicodedata.normalize("NFKD", key).casefold()).translate(APOSTROPHES)
    return unicodedata.normalize("NFKC", key).rstrip(".。") or name


def _written_twice(match: re.Match[str]) -> str:
    """ヽ repeats a kana without its mark, ヾ with it."""
    kana = unicodedata.normalize("NFD", match[1])[0]
    return match[1] + unicodedata.normalize("NFC", kana + "\u3099" * (match[2] == "ヾ"))
