"""What programs send to decide something, and what is answered."""

from collector.web.api import fields
from collector.web.server.answers import Answer, means


class ToMatch(Answer):
    """That a photo shows a horse."""

    photo: fields.PhotoId
    horse: str = means("Its id, or its name where just one horse bears it.")


class ToForget(Answer):
    """A photo to remove."""

    url: str = means("Of a photo's page or picture.")


class Matched(Answer):
    """Which horse a photo shows."""

    photo: fields.PhotoId
    horse_id: fields.HorseId


class Forgotten(Answer):
    """What has gone."""

    photos: fields.Count = means("That are gone.")
    pages: fields.Count = means("Never asked for again.")
    blobs: fields.Count = means("Pages and pictures whose bytes are gone.")
    near_duplicates: list[str] = means("Addresses of pictures that look the same and are still held.")
