"""What searches answer: photos by name, back numbers, photos by horse, suggestions."""

import datetime as dt
from typing import Any

from typing_extensions import TypeAliasType
from yarl import URL

from collector.web.api import fields
from collector.web.search import results
from collector.web.search.address import Query
from collector.web.server.answers import Answer, means


class ListedPhoto(Answer):
    """A photo as the first search (2017) had it, with this server's names beside it."""

    name: str = means("The horse's.", "horse_name")
    url: str = means("Page of the photo, at its source.", "page_url")
    date: dt.date = means("Of the issue.", "dated")
    image_url: str | None = means("Address of the picture, at its source.")
    race: str | None = means(column="race_name")
    photo: fields.PhotoId
    horse_id: fields.HorseId | None = means("null: which horse of that name it is is open.")
    picture: fields.ListedPicture


class Stretch(Answer):
    """Words of a remark that were asked for."""

    start: fields.Count = means("Their first character in the remark, from 0.")
    end: fields.Count = means("The one after their last.")


class Said(Answer):
    """A remark in which stands what was asked for."""

    remark: str
    found: list[Stretch] = means("Where, from its beginning on.")


class ShownPhoto(Answer):
    """A photo of a horse that was found."""

    photo: fields.PhotoId
    date: dt.date = means("Of the issue.", "dated")
    race: str | None = means(column="race_name")
    width_px: fields.Count = means(column="width")
    height_px: fields.Count = means(column="height")
    digest: str = means("SHA-256 of its bytes.")
    page: fields.PhotoPage
    picture: fields.Picture
    original: fields.Original
    said: Said | None = means("null: nothing was asked of its remark, or it was found by something else.")


class Group(Answer):
    """A horse that was found, or a name whose horse is open."""

    shows: str = means("What the horse's page is called: its id, or its name where the horse is open.")
    horse_id: fields.HorseId | None
    name: str
    born_year: fields.Born
    page: str = means("On this server.", default_factory=lambda known: str(URL.build(path=f"/horses/{known['shows']}")))
    photos_in_all: fields.Count = means("Of this horse, whether asked for or not.", "photos")
    distance_aptitude: fields.Share | None = means("What reviewers think now: 0 short to 1 long.", "value")
    photos: list[ShownPhoto] = means("The first of those asked for.", "shown")


class Found(Answer):
    """A page of the search."""

    count: fields.Count = means("Horses found.")
    capped: bool = means("Always false, as `count` is exact; it was not always.")
    photos: fields.Count = means("Photos found.")
    groups: list[Group]
    next: str | None = means("Where the next page is; null: this is the last one.")


class Suggestion(Answer):
    """A name for what has been typed so far."""

    shows: str = means("What its page is called: /horses/{shows}.")
    name: str
    born_year: fields.Born
    photos: fields.Count
    newest: dt.date


ListedPhotos = TypeAliasType("ListedPhotos", list[ListedPhoto])
Backnumbers = TypeAliasType("Backnumbers", list[fields.IssueId])
Suggestions = TypeAliasType("Suggestions", list[Suggestion])


def page_of(found: results.Found, query: Query) -> dict[str, Any]:
    """A page of the search, and where the next one is."""
    onward = query.words() | {"before": str(found.more)}
    return {
        "count": found.horses,
        "capped": False,
        "photos": found.photos,
        "groups": found.groups,
        "next": str(URL.build(path="/api/photos", query=onward)) if found.more else None,
    }
