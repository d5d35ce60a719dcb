"""The tables about races and horses that can be taken out."""

from typing import LiteralString

from collector.exports.columns import Table, Type, of, provenance

LICENSED: tuple[LiteralString, Type, str] = (
    "licensed", Type.BOOLEAN, "Whether it is licensed data (JRA-VAN), which may not be published or passed on."
)  # fmt: skip

RACE_DAY = Table(
    "race_day",
    "A day on which the JRA raced or will race, from its calendars.",
    ("race_date",),
    (
        *of(
            "race_day",
            ("race_date", Type.DATE, "The day, in Japan."),
            ("racecourses", Type.TEXTS, "Where, as printed: 東京."),
        ),
        *provenance("race_day"),
    ),
    "race_day",
    "race_day.race_date >= %(since)s",
    "that day or later",
)

RACE = Table(
    "race",
    "A race, run or to come.",
    ("race_id",),
    (
        *of(
            "race",
            ("race_id", Type.TEXT, "Year, racecourse, meeting, day and race: twelve characters."),
            ("race_date", Type.DATE, "Its day, in Japan."),
            ("racecourse", Type.TEXT, "As printed: 東京."),
            ("meeting_number", Type.INTEGER, "Number of the meeting at that racecourse in that year."),
            ("meeting_day", Type.INTEGER, "Number of the day within the meeting."),
            ("race_number", Type.INTEGER, "Number of the race on its day and racecourse."),
            ("name", Type.TEXT, "As printed."),
            ("grade", Type.TEXT, "G1, G2, G3, L, OP, J.G1 to J.G3, Jpn1 to Jpn3; NULL: none."),
            ("race_class", Type.TEXT, "Who may run, as printed: 3歳未勝利."),
            ("conditions", Type.TEXT, "The marks after it, as printed: (混)[指](馬齢)."),
            ("surface", Type.TEXT, "turf, dirt or jump."),
            ("direction", Type.TEXT, "right, left or straight."),
            ("course", Type.TEXT, "The track of the racecourse, as printed: 外."),
            ("distance", Type.INTEGER, "From start to finish.", "m"),
            ("weather", Type.TEXT, "At the start: fine, cloudy, rainy, drizzle, snow or light_snow."),
            ("going", Type.TEXT, "turf: firm, good, yielding, soft; dirt: standard, good, muddy, sloppy."),
            ("start_time", Type.TIME, "Time of day of the start, in Japan."),
            ("prizes", Type.NUMBERS, "From the first place on.", "10,000 yen"),
            LICENSED,
        ),
        *provenance("race"),
    ),
    "race",
    "race.race_date >= %(since)s",
    "races of that day or later",
)

ENTRY = Table(
    "entry",
    "A horse in a race, with its result where the race has been run.",
    ("race_id", "runner"),
    (
        *of(
            "entry",
            ("race_id", Type.TEXT, "The race."),
            ("runner", Type.TEXT, "The horse's id, or else its number, or else its name: the key within the race."),
            ("horse_id", Type.TEXT, "The horse; NULL: the site gives it no id of its own."),
            ("horse_name", Type.TEXT, "As printed."),
            ("horse_key", Type.TEXT, "The same as names are compared: without spaces and marks."),
            ("bracket_number", Type.INTEGER, "枠番; NULL before the draw and abroad."),
            ("horse_number", Type.INTEGER, "馬番; NULL before the draw."),
            ("sex", Type.TEXT, "male, female or gelding."),
            ("age", Type.INTEGER, "On the day.", "years"),
            ("carried_weight", Type.NUMBER, "斤量: what the horse carries.", "kg"),
            ("jockey", Type.TEXT, "As printed."),
            ("jockey_id", Type.TEXT, "Of the jockey, as the source has it."),
            ("trainer", Type.TEXT, "As printed."),
            ("trainer_id", Type.TEXT, "Of the trainer, as the source has it."),
            ("trainer_base", Type.TEXT, "As printed: 東, 西, 地 or 外."),
            ("owner", Type.TEXT, "As printed."),
            ("owner_id", Type.TEXT, "Of the owner, as the source has it."),
            ("finish", Type.TEXT, "finished, scratched, excluded, did_not_finish, disqualified or demoted; NULL: not "
             "run yet."),
            ("finish_position", Type.INTEGER, "着順; the same for both in a dead heat."),
            ("finish_time", Type.NUMBER, "From start to finish.", "s"),
            ("margin", Type.TEXT, "To the horse before it, as printed: クビ."),
            ("positions_at_bends", Type.INTEGERS, "通過: its position at each bend."),
            ("last_3f", Type.NUMBER, "上り: time over the last 600 m.", "s"),
            ("odds", Type.NUMBER, "To win, per unit staked."),
            ("favorite_rank", Type.INTEGER, "人気: 1 is the favourite."),
            ("horse_weight", Type.INTEGER, "馬体重; NULL: not weighed.", "kg"),
            ("horse_weight_change", Type.INTEGER, "Since its last race.", "kg"),
            ("prize", Type.NUMBER, "What it won.", "10,000 yen"),
            LICENSED,
            ("stated_horse_id", Type.TEXT, "The horse's id as a licensed source states it; not in horse_id where it is "
             "not believed."),
        ),
        *provenance("entry"),
    ),
    "entry",
    "entry.race_id IN (SELECT race.race_id FROM race WHERE race.race_date >= %(since)s)",
    "entries in races of that day or later",
)  # fmt: skip

HORSE = Table(
    "horse",
    "A horse that was seen in a race or on its own page.",
    ("horse_id",),
    (
        *of(
            "horse",
            ("horse_id", Type.TEXT, "Ten characters; of a horse born in Japan, the first four are its year of birth."),
            ("name", Type.TEXT, "As printed."),
            ("horse_key", Type.TEXT, "The same as names are compared: without spaces and marks."),
            ("born", Type.DATE, "Day of birth."),
            ("sex", Type.TEXT, "male, female or gelding."),
            ("coat", Type.TEXT, "Colour, as printed: 鹿毛."),
            ("retired", Type.BOOLEAN, "Whether it races no more; NULL: not known."),
            ("sire", Type.TEXT, "Father, as printed."),
            ("dam", Type.TEXT, "Mother, as printed."),
            ("damsire", Type.TEXT, "The mother's father, as printed."),
            LICENSED,
        ),
        *provenance("horse"),
    ),
    "horse",
    """(EXISTS (SELECT FROM entry JOIN race ON race.race_id = entry.race_id
        WHERE entry.horse_id = horse.horse_id AND race.race_date >= %(since)s)
    OR EXISTS (SELECT FROM photo_match met JOIN issue ON issue.source = met.source AND issue.code = met.issue_code
        WHERE met.horse_id = horse.horse_id AND issue.issue_date >= %(since)s)
    OR EXISTS (SELECT FROM aptitude WHERE aptitude.horse_id = horse.horse_id AND aptitude.observed_at >= %(since)s))""",
    "horses of the entries, photos and aptitudes of that day or later",
)

APTITUDE = Table(
    "aptitude",
    "What reviewers thought of a horse on one axis, from a time on: a new row only where something changed, so the "
    "newest row of a horse and an axis is what they think now.",
    ("horse_id", "axis", "observed_at"),
    (
        *of(
            "aptitude",
            ("horse_id", Type.TEXT, "The horse."),
            ("axis", Type.TEXT, "surface (0 turf to 1 dirt), distance (0 short to 1 long), running_style (0 front to 1 "
             "back), maturity (0 early to 1 late) or wet_going (0 good at it to 1 bad)."),
            ("value", Type.NUMBER, "right_px / (left_px + right_px), 0 to 1; NULL: no opinion."),
            ("left_px", Type.INTEGER, "Length of the left bar.", "px"),
            ("right_px", Type.INTEGER, "Length of the right bar.", "px"),
            ("reviews", Type.INTEGER, "Number of reviews; NULL: the page does not say."),
            ("evidence", Type.TEXT, "Why there is no opinion."),
        ),
        *provenance("aptitude"),
    ),
    "aptitude",
    "aptitude.observed_at >= %(since)s",
    "aptitudes that were observed on that day (UTC) or later",
)  # fmt: skip

DIFFERENCE = Table(
    "difference",
    "A value of which a licensed source and another one say different things; the licensed one stands in the other "
    "tables.",
    ("sort", "thing", "runner", "field"),
    (
        *of(
            "difference",
            ("sort", Type.TEXT, "Of what it is a value: race, entry or horse."),
            ("thing", Type.TEXT, "The race's id, of an entry too, or the horse's."),
            ("runner", Type.TEXT, "Of an entry: the horse's id, or else its number, or its name; else empty."),
            ("field", Type.TEXT, "The column; entry: only one of the two has the horse in the race."),
            ("licensed", Type.TEXT, "What the licensed source says (JRA-VAN); it may not be published or passed on."),
            ("other", Type.TEXT, "What the other source says, whose page `source_url` is."),
        ),
        *provenance("difference"),
    ),
    "difference LEFT JOIN race ON difference.sort <> 'horse' AND race.race_id = difference.thing",
    "(difference.sort = 'horse' OR race.race_date >= %(since)s)",
    "differences in races of that day or later, and all in horses",
)
