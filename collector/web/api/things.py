"""What is answered of a photo, a horse, a race, an issue, and of the server itself."""

import datetime as dt
from typing import Literal

from collector.codes import ClaimKind, MatchRule, Said
from collector.console.catalogue import PAGES
from collector.console.code_words import describe, describe_claim
from collector.sources.licences import licence_of
from collector.sources.registry import is_personal
from collector.storage.racing import Direction, Sex, Weather
from collector.web.api import fields
from collector.web.api.entries import Aptitudes, Entry, InField, RaceFacts
from collector.web.horse.facts import Row
from collector.web.server.addresses import host_of
from collector.web.server.answers import Answer, means


class Photo(Answer):
    """A photo in a list."""

    photo: fields.PhotoId
    issue: fields.IssueId
    number: int = means("Of the photo within the issue.")
    date: dt.date = means("Of the issue.", "issue_date")
    name: str | None = means("The horse's; as printed, where the horse is open; null: nobody has named it yet.")
    horse_id: fields.HorseId | None
    race: str | None = means("Name of the race it was taken for.")
    race_id: fields.RaceId | None
    horse_number: int | None = means("Of the horse in that race.")
    age_years: int | None = means(column="age")
    url: str = means("Its page, at its source.", "page_url")
    image_url: str | None = means("The picture, at its source.")
    width_px: fields.Count | None = means(column="width")
    height_px: fields.Count | None = means(column="height")
    taken_at: fields.Moment | None = means("When it was taken, where its camera says so; UTC.")
    copy_of: fields.PhotoId | None = means("The earlier photo of which this is a copy.")
    page: fields.PhotoPage
    picture: fields.Picture
    original: fields.Original


class Claim(Answer):
    """What a remark claims of the distance that suits the horse."""

    kind: ClaimKind
    low_m: int | None
    high_m: int | None
    start: int = means("Of the words that it was read from: the first character of the comment, from 0.")
    end: int = means("The character after the last one.")
    words: str = means("The claim in English.")


class Tagged(Answer):
    """A word of the build that a remark has."""

    tag: str = means("Of the documented vocabulary: 胴長.")
    start: int
    end: int


class Printed(Answer):
    """What the magazine prints beside a photo."""

    name: str | None = means("null: nothing beside the photo names a horse.", "printed_name")
    race: str | None = means(column="printed_race")
    sex: str | None = means("牡, 牝 or セ.", "printed_sex")
    age_years: int | None = means(column="printed_age")
    coat: str | None
    trainer: str | None
    comment: str | None
    distance_said: Said | None = means("What the comment says of distance; null: there is none, or it was not read.")
    claims: list[Claim] = means("What it claims of distance.")
    build_tags: list[Tagged] = means("What it says of the build.")
    pedigree: list[str]
    shot_month: int | None
    shot_day: int | None = means("Of that month; the year is not printed.")
    camera: str | None = means("Which camera took it, where its owner brought it.")
    racecourse: str | None = means("Where it was taken, likewise.", "shot_at")


class Match(Answer):
    """How it was found out whom a photo shows."""

    rule: str = means("The rule that decided it, or why it is open: `name_and_race`, `by_hand`, `not_read`, ...")
    how: str = means("The same in words.")
    by_hand: bool = means("Whether a person decided it.")
    certainty: float | None = means("0 to 1, of the horse that the order of the walk says; null: another rule.")
    head_turned: bool = means("Whether a person says that the horse turns its head.")
    decided_at: fields.Moment


class Provenance(Answer):
    """Where a photo is from."""

    page: str = means("Where it was published.", "page_url")
    site: str | None
    origin: str | None = means("Who took it, or where it was published first, where its owner brought it.")
    rights: str | None = means("What may be done with it, in its owner's words; null: as the source's terms say.")
    permitted: str | None = means("Who permitted to copy from its source, and when; null: nobody was named.")
    observed_at: fields.Moment = means("When it was fetched, in UTC.")
    digest: str | None = means("SHA-256 of the picture's bytes.")
    media_type: str | None


class Permission(Answer):
    """What may be done with a photo, as every page says it; of one's own camera, as its photographer states it."""

    private_study: bool = True
    publish: bool = False
    pass_on: bool = False
    words: str = means(default_factory=lambda: PAGES.read("en")["owners"])


class WholePhoto(Photo):
    """All that is known of a photo: what is printed beside it, whom it shows and why, and where all that is from."""

    printed: Printed = means("What the magazine prints beside it.")
    match: Match | None = means("How it was found out whom it shows; null: nobody has looked.")
    entry: Entry | None = means("What it was taken for; null: open.")
    provenance: Provenance
    permission: Permission = means("What may be done with it.", default_factory=Permission)


class Label(Answer):
    """A label of a horse by another definition than the poll."""

    axis: str
    definition: str = means("How it is computed: `results`, `results-placed`, ...")
    value: fields.Share = means("0 is the left end of the axis, 1 the right one.")
    reliability: fields.Share | None = means("The share of the differences between horses that is not chance.")
    n: int | None = means("Starts behind it.")
    metres: float | None = means("What it stands for, on the distance axis.")
    computed_at: fields.Moment


class Horse(Answer):
    """A horse, its photos in time order, and its aptitudes now."""

    horse_id: fields.HorseId
    name: str
    born: dt.date | None
    sex: Sex | None
    coat: str | None
    retired: bool | None
    sire: str | None
    dam: str | None
    damsire: str | None
    licensed: bool = means("JRA-VAN's data: not to be published or passed on.")
    source_url: fields.SourceUrl
    observed_at: fields.Moment
    page: str = means("On this server.", default_factory=lambda known: f"/horses/{known['horse_id']}")
    photos: list[Photo] = means("The oldest first.")
    aptitudes: Aptitudes = means("Now.")
    labels: list[Label] = means("By other definitions than the poll.")


class Race(RaceFacts):
    """A race, its field in draw order, and the photos of its horses."""

    name: str
    meeting_number: int | None
    meeting_day: int | None
    race_class: str | None
    conditions: str | None
    direction: Direction | None
    course: str | None
    weather: Weather | None
    starts_at: fields.Start
    licensed: bool = means("JRA-VAN's data, as its entries are: not to be published or passed on.")
    page: str = means("On this server.", default_factory=lambda known: f"/races/{known['race_id']}")
    source_url: fields.SourceUrl
    observed_at: fields.Moment
    field: list[InField] = means("In draw order.")
    photos: list[Photo] = means("In draw order.")


class Issue(Answer):
    """A back number and its photos, race by race in draw order."""

    issue: fields.IssueId
    code: str = means("As the source has it.")
    date: dt.date = means(column="issue_date")
    race_days: list[dt.date] = means("As printed; empty where none is.")
    page: str = means("On this server.", default_factory=lambda known: f"/issues/{known['issue']}")
    source_url: fields.SourceUrl
    observed_at: fields.Moment
    photos: list[Photo] = means("Race by race, in draw order.")


class Health(Answer):
    """Whether the server answers, and its database."""

    status: Literal["ok"] = "ok"
    database: Literal["ok"] = "ok"
    search_renewed_at: fields.Moment | None = means("When the search was last what the tables means; null: not yet.")


def whole_photo(row: Row) -> Row:
    """A photo with what is known of it: each part takes what it names of the row."""
    entry = row | {"source_url": row["entry_url"], "observed_at": row["entry_observed_at"]}
    return row | {
        "printed": row | {"claims": [claim | {"words": describe_claim(claim)} for claim in row["claims"]]},
        "match": row | {"how": describe(MatchRule, row["rule"])} if row["rule"] else None,
        "entry": entry if row["entry_url"] is not None else None,
        "provenance": row | {"site": host_of(row["page_url"]) or None},
        "permission": permission(row),
    }


def permission(row: Row) -> Row:
    """What may be done with a photo; of one's own camera, what its photographer states."""
    if not (is_personal(row["source"]) and row["rights"]):
        return {}
    is_open = licence_of(row["rights"]) is not None
    words = PAGES.read("en")["owner_states"].format(origin=row["origin"], rights=row["rights"])
    return {"publish": is_open, "pass_on": is_open, "words": words}
