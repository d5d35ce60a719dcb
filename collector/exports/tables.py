"""The tables that can be taken out, each defined here or in `racing_tables`, and nowhere else."""

from collector.errors import UsageError
from collector.exports.columns import Column, Table, Type, of, provenance
from collector.exports.kept_tables import COLLECTED, NOTE
from collector.exports.racing_tables import APTITUDE, DIFFERENCE, ENTRY, HORSE, RACE, RACE_DAY

ISSUE = Table(
    "issue",
    "A back number of the magazine.",
    ("source", "code"),
    (
        *of(
            "issue",
            ("source", Type.TEXT, "The source that publishes it."),
            ("code", Type.TEXT, "Its code at that source: YYMMDD."),
            ("issue_date", Type.DATE, "Day of the issue: the Monday, or Tuesday, after the races."),
            ("race_days", Type.DATES, "Days of its races, as printed; may be empty."),
        ),
        *provenance("issue"),
    ),
    "issue",
    "issue.issue_date >= %(since)s",
    "issues of that day or later",
)

PHOTO = Table(
    "photo",
    "A paddock photo: what is printed beside it, the horse that it shows and by which rule, and where it is from.",
    ("photo_id",),
    (
        *of(
            "photo",
            ("photo_id", Type.TEXT, "Source, issue and number: source:160104/01."),
            ("source", Type.TEXT, "The source that publishes it."),
            ("issue_code", Type.TEXT, "Code of its issue."),
            ("number", Type.INTEGER, "Number of the photo within the issue."),
        ),
        Column("issue_date", Type.DATE, "Day of its issue.", "issue.issue_date"),
        *of(
            "photo",
            ("horse_name", Type.TEXT, "Name of the horse, as printed beside the photo; NULL: nothing names it there."),
            ("horse_key", Type.TEXT, "The same as names are compared: without spaces and marks."),
            ("listed_name", Type.TEXT, "Name of the horse, as printed in the issue's list."),
            ("race_name", Type.TEXT, "Name of the race under which the list has it, as printed."),
            ("sex", Type.TEXT, "As printed: 牡, 牝 or セ."),
            ("age", Type.INTEGER, "As printed.", "years"),
            ("coat", Type.TEXT, "Colour, as printed: 鹿毛."),
            ("trainer", Type.TEXT, "As printed: 美浦・鹿戸雄."),
            ("shot_month", Type.INTEGER, "Month in which it was taken; the year is not printed."),
            ("shot_day", Type.INTEGER, "Day of that month."),
            ("taken_at", Type.MOMENT, "When it was taken; NULL: its camera does not say so.", "UTC"),
        ),
        Column("clock", Type.TEXT, "What the camera's clock showed then, without a zone and not corrected:"
               " 2026-11-22 10:16:08.120000.", "to_char(photo.clock, 'YYYY-MM-DD HH24:MI:SS.US')"),
        *of(
            "photo",
            ("camera", Type.TEXT, "Which camera took it; NULL: not a photo of one's own camera."),
            ("racecourse", Type.TEXT, "At which it was taken, as its camera or its owner says: 東京."),
            ("comment", Type.TEXT, "The expert's remark on the horse's build."),
            ("distance_said", Type.TEXT, "What the remark says of distance: said, nothing or not_understood."),
        ),
        Column("claims", Type.TEXT, "Its claims on distance as JSON: kind, low_m, high_m, and the characters of the"
               " remark from start to end.", "photo.claims::text"),
        Column("build_tags", Type.TEXTS, "Its words of the build, from the vocabulary: 胴長.",
               "ARRAY(SELECT tag->>'tag' FROM jsonb_array_elements(photo.build_tags) tag)"),
        *of(
            "photo",
            ("pedigree", Type.TEXTS, "Ancestors in the printed order; the first is the sire."),
            ("stated_horse_id", Type.TEXT, "The horse, where the photo's page gives its id."),
            ("stated_race_id", Type.TEXT, "The race, where the photo's page gives its id."),
        ),
        Column("horse_id", Type.TEXT, "The horse that it shows; NULL: open.", "met.horse_id"),
        Column("race_id", Type.TEXT, "The race before which it was taken; NULL: open.", "met.race_id"),
        Column("match_rule", Type.TEXT, "The rule that found the horse, or why it is open.", "met.rule"),
        Column("match_certainty", Type.NUMBER, "How certain the horse is, 0 to 1, where the order of the walk gave it.",
               "met.certainty"),
        Column("head_turned", Type.BOOLEAN, "Whether a person says that the horse turns its head.", "met.head_turned"),
        Column("match_by_hand", Type.BOOLEAN, "Whether a person decided it.", "met.by_hand"),
        Column("match_candidates", Type.TEXTS, "Ids of possible horses of an open photo.", "met.candidates"),
        Column("match_decided_at", Type.MOMENT, "When it was decided.", "met.decided_at", "UTC"),
        *of(
            "photo",
            ("digest", Type.TEXT, "SHA-256 of the picture's bytes; NULL: they are not held."),
            ("media_type", Type.TEXT, "Of the picture: image/jpeg."),
            ("width", Type.INTEGER, "Of the picture.", "px"),
            ("height", Type.INTEGER, "Of the picture.", "px"),
        ),
        Column("phash", Type.TEXT, "Difference hash of the picture: 256 characters, 0 or 1.", "photo.phash::text"),
        Column("copy_of", Type.TEXT, "The earlier photo of which this is a copy that was encoded anew.",
               "original.photo_id"),
        *of(
            "photo",
            ("page_url", Type.TEXT, "Address of the photo's page at its source."),
            ("image_url", Type.TEXT, "Address of the picture at its source."),
            ("origin", Type.TEXT, "Who took it, or where it was published; NULL: the source publishes it."),
            ("rights", Type.TEXT, "What may be done with it, in its owner's words; NULL: as the source's terms say."),
        ),
        *of(
            "marked",
            ("withers_x", Type.NUMBER, "Where a person sees the withers, 0 left to 1 right; NULL: not marked."),
            ("withers_y", Type.NUMBER, "The same, 0 top to 1 bottom."),
            ("buttock_x", Type.NUMBER, "Where a person sees the point of the buttock, 0 left to 1 right."),
            ("buttock_y", Type.NUMBER, "The same, 0 top to 1 bottom."),
        ),
        *provenance("photo"),
    ),
    """photo
LEFT JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN photo_match met ON met.source = photo.source AND met.issue_code = photo.issue_code
    AND met.number = photo.number
LEFT JOIN photo_mark marked ON marked.digest = photo.digest
LEFT JOIN photo original ON original.id = photo.near_duplicate_of""",
    "issue.issue_date >= %(since)s",
    "photos of issues of that day or later",
)  # fmt: skip

TABLES = {
    table.name: table for table in (ISSUE, PHOTO, RACE_DAY, RACE, ENTRY, HORSE, APTITUDE, DIFFERENCE, NOTE, COLLECTED)
}


def table_named(name: str) -> Table:
    """A table by its name.

    Raises:
        UsageError: there is none; says which there are.
    """
    if name not in TABLES:
        raise UsageError(f"There is no table {name!r} to take out; there are {', '.join(TABLES)}.")
    return TABLES[name]


def tables_named(text: str | None) -> list[Table]:
    """The tables of a list with commas, each once, in our order; all where there is no list.

    Raises:
        UsageError: one of them does not exist, or the list is empty.
    """
    if text is None:
        return list(TABLES.values())
    asked = {table_named(name.strip()).name for name in text.split(",") if name.strip()}
    if not asked:
        raise UsageError(f"--tables needs names of tables, with commas between them: {','.join(TABLES)}.")
    return [table for name, table in TABLES.items() if name in asked]
