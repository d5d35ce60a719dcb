"""What is answered of entries in races, and of what reviewers think of a horse."""

import datetime as dt
from typing import Generic, TypeVar

from typing_extensions import TypeAliasType

from collector.storage.racing import Finish, Going, Grade, Sex, Surface
from collector.web.api import fields
from collector.web.server.answers import Answer, means

Of = TypeVar("Of")


class RaceFacts(Answer):
    """What is known of a race wherever it is named."""

    race_id: fields.RaceId
    date: dt.date = means(column="race_date")
    racecourse: str = means("As printed: 東京.")
    race_number: int
    grade: Grade | None
    surface: Surface | None
    distance_m: int = means(column="distance")
    going: Going | None


class NamedRace(RaceFacts):
    """A race that stands beside an entry."""

    race: str = means("Its name.", "race_name")


class Result(Answer):
    """How a horse was drawn, and what it ran."""

    bracket_number: int | None
    horse_number: int | None
    carried_weight_kg: float | None = means(column="carried_weight")
    jockey: str | None
    finish: Finish | None = means("null: the race has not been run.")
    finish_position: int | None
    finish_time_s: float | None = means(column="finish_time")
    margin: str | None = means("To the horse before it, as printed: クビ.")
    last_3f_s: float | None = means("Seconds over the last 600 m.", "last_3f")
    odds: float | None = means("To win, per unit staked.")
    favorite_rank: int | None
    horse_weight_kg: int | None = means(column="horse_weight")
    horse_weight_change_kg: int | None = means("Since its last race.", "horse_weight_change")


class Entry(Result, NamedRace):
    """A horse in a race: what its race was, and its result."""

    source_url: fields.SourceUrl
    observed_at: fields.Moment


class NamedHorse(Answer):
    """A horse as the page of a race names it."""

    horse_id: fields.HorseId | None = means("null: the site gives it none of its own.")
    name: str = means(column="horse_name")
    sex: Sex | None
    age_years: int | None = means(column="age")
    trainer: str | None


class InField(Result, NamedHorse):
    """An entry as its race has it."""


class Opinion(Answer):
    """What reviewers thought of a horse at a time."""

    value: fields.Share | None = means("0 the left mark to 1 the right one; null: no opinion.")
    reviews: fields.Count | None = means("How many people.")
    evidence: str | None = means("Why there is no opinion.")
    left_px: int
    right_px: int = means("The two bars: the value is right / (left + right).")
    source_url: fields.SourceUrl
    observed_at: fields.Moment = means(column="at")


class ByAxis(Answer, Generic[Of]):
    """Something of a horse by axis, each from the left mark to the right one."""

    surface: Of = means("Turf to dirt.")
    distance: Of = means("Short to long.")
    running_style: Of = means("Front to back.")
    maturity: Of = means("Early to late.")
    wet_going: Of = means("Good at it to bad.")


class Aptitudes(ByAxis[Opinion | None]):
    """What reviewers think of a horse now, by axis; null: never asked for."""


class History(ByAxis[list[Opinion]]):
    """What reviewers thought of a horse over time, by axis, the oldest first."""


Entries = TypeAliasType("Entries", list[Entry])
