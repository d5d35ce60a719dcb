"""The tables of what a person keeps of photos that can be taken out: stars and notes, and collections."""

from collector.exports.columns import Column, Table, Type, of

WHERE_FROM = (
    *of(
        "photo",
        ("page_url", Type.TEXT, "Address of the photo's page at its source."),
        ("origin", Type.TEXT, "Who took it, or where it was published; NULL: the source publishes it."),
        ("rights", Type.TEXT, "What may be done with it, in its owner's words; NULL: as the source's terms say."),
    ),
)

NOTE = Table(
    "photo_note",
    "What a person thinks of a photo.",
    ("photo_id",),
    (
        Column("photo_id", Type.TEXT, "The photo: source:issue/number.", "photo_note.photo_id"),
        *of(
            "photo_note",
            ("stars", Type.INTEGER, "1 to 5; NULL: none."),
            ("note", Type.TEXT, "In the person's own words."),
            ("noted_at", Type.MOMENT, "When it was kept.", "UTC"),
        ),
        *WHERE_FROM,
    ),
    "photo_note JOIN photo USING (photo_id)",
    "photo_note.noted_at >= %(since)s",
    "notes that were kept on that day (UTC) or later",
)

COLLECTED = Table(
    "collected",
    "A photo in a collection that a person has named.",
    ("collection", "photo_id"),
    (
        *of("collected", ("collection", Type.TEXT, "Its name.")),
        Column("photo_id", Type.TEXT, "The photo: source:issue/number.", "collected.photo_id"),
        *of("collected", ("added_at", Type.MOMENT, "When it was added.", "UTC")),
        *WHERE_FROM,
    ),
    "collected JOIN photo USING (photo_id)",
    "collected.added_at >= %(since)s",
    "photos that were added on that day (UTC) or later",
)
