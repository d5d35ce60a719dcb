"""The facts that a perfect collector finds in the look-alike, from the world and not from its pages."""

import hashlib
from dataclasses import dataclass
from datetime import date

from collector.demo.keibado.layouts import index_path, layout_of, page_path, picture_path
from collector.demo.world.drawing import draw_photo
from collector.demo.world.races import Races
from collector.demo.world.world import Issue, Photo, World


@dataclass(frozen=True, slots=True)
class TrueIssue:
    """An issue to find."""

    code: str
    issue_date: date
    race_days: tuple[date, ...]
    path: str


@dataclass(frozen=True, slots=True)
class TruePhoto:
    """A photo to find; a fact that its page does not print is None."""

    issue_code: str
    number: int
    horse_name: str
    race_name: str
    page_path: str
    image_path: str
    coat: str
    sex: str | None
    age: int | None
    trainer: str | None
    shot_on: date  # its year is not printed
    comment: str
    pedigree: tuple[str, ...]
    photo: Photo  # the world's photo, with the horse's aptitude and build
    horse_id: str | None  # at netkeiba; None: several horses fit the printed facts
    race_id: str | None  # the race that it was about to run; None: it did not run, or several horses fit

    @property
    def missing(self) -> bool:
        """Whether the page names a picture that the site does not have."""
        return self.photo.picture is None

    @property
    def sha256(self) -> str | None:
        """The digest of the picture's bytes, which are drawn for it; None without a picture."""
        return hashlib.sha256(draw_photo(self.photo.picture)).hexdigest() if self.photo.picture else None


@dataclass(frozen=True, slots=True)
class Truth:
    """All facts to find, in the order of issues and numbers."""

    issues: tuple[TrueIssue, ...]
    photos: tuple[TruePhoto, ...]


def truth(world: World, since: int | None = None, until: int | None = None) -> Truth:
    """The facts to find in the years from `since` to `until`, both included."""
    issues = [
        issue
        for year in world.years
        if (since is None or since <= year) and (until is None or year <= until)
        for issue in world.issues(year)
    ]
    races = Races(world)
    return Truth(
        tuple(TrueIssue(issue.code, issue.issue_date, issue.race_days, index_path(issue)) for issue in issues),
        tuple(_true_photo(races, issue, photo) for issue in issues for photo in issue.photos),
    )


def _true_photo(races: Races, issue: Issue, photo: Photo) -> TruePhoto:
    horse = photo.horse
    horse_id, race_id = _true_match(races, issue, photo)
    full = layout_of(2000 + int(photo.issue_code[:2])).full_profile
    return TruePhoto(
        issue_code=photo.issue_code,
        number=photo.number,
        horse_name=horse.name,
        race_name=photo.race_name,
        page_path=page_path(photo),
        image_path=picture_path(photo),
        coat=horse.coat,
        sex=horse.sex if full else None,
        age=photo.age if full else None,
        trainer=horse.trainer if full else None,
        shot_on=photo.shot_on,
        comment=photo.comment,
        pedigree=horse.pedigree,
        photo=photo,
        horse_id=horse_id,
        race_id=race_id,
    )


def _true_match(races: Races, issue: Issue, photo: Photo) -> tuple[str | None, str | None]:
    """The ids of the horse and its race, if the printed facts decide them."""
    registry = races.registry
    horse = registry.register(photo.horse)
    race_id = next((planned.race_id for planned in races.plan_of(issue) if photo in planned.photos), None)
    if race_id is not None:
        return (None, None) if registry.alike(photo.horse) else (horse.horse_id, race_id)
    if layout_of(issue.issue_date.year).full_profile:  # its age is printed, and horses of one age have different names
        return horse.horse_id, None
    namesakes = list(registry.names.values()).count(horse.horse.name)
    return (horse.horse_id if namesakes == 1 else None), None
