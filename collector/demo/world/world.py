"""The look-alike world: its issues and the horses that they show. Pure, and always the same."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from random import Random

from collector.demo.world import vocabulary
from collector.demo.world.courses import RACECOURSES, Ground, choose_ground
from collector.demo.world.entering import chance
from collector.demo.world.horses import NAMESAKE_YEARS, Horse, all_names, make_horse
from collector.demo.world.remarks import words_of_distance

ACTIVE_AGES = range(2, 9)
PHOTOS_A_HORSE = 3  # on average, over its years of racing
TRIES = 60  # horses that are looked at for a place in a race before the one that fits best is taken
HAPPY_MONDAYS = {1: 2, 7: 3, 9: 3, 10: 2}  # month -> which Monday of it is a holiday, with races


@dataclass(frozen=True, slots=True)
class Picture:
    """One shot of one horse, and how it was saved."""

    horse: Horse
    shot: str  # the photo that printed it first, "160104-01": the key of the shot
    copy: bool = False  # whether it was saved again, at lower quality


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo in an issue."""

    issue_code: str
    number: int  # within the issue, from 1
    horse: Horse
    race_name: str
    shot_on: date
    comment: str
    picture: Picture | None  # None: the page names a file that the site does not have

    @property
    def age(self) -> int:
        """The horse's age in years, as racing counts it."""
        return 2000 + int(self.issue_code[:2]) - self.horse.born


@dataclass(frozen=True, slots=True)
class Feature:
    """A race that an issue is about."""

    name: str  # as the issue prints it
    day: date
    track: int  # the racecourse, from 1
    ground: Ground


@dataclass(frozen=True, slots=True)
class Issue:
    """A back number: the weekend it covers, and its photos by race."""

    code: str  # YYMMDD
    issue_date: date  # Monday, or Tuesday after a holiday
    race_days: tuple[date, ...]
    tracks: tuple[int, ...]  # the racecourses of the weekend
    features: tuple[Feature, ...]
    photos: tuple[Photo, ...]


class World:
    """All facts of the look-alike; a year is made on the first request."""

    def __init__(
        self,
        random_seed: int = 0,
        years: range = range(2005, 2018),
        issues_per_year: int = 8,
        photos_per_issue: int = 10,
        opinion_month: date | None = None,
        coming_day: date | None = None,
    ) -> None:
        self.random_seed = random_seed
        self.years = years
        self.issues_per_year = issues_per_year
        self.photos_per_issue = photos_per_issue  # at most
        self.opinion_month = opinion_month or date(years.stop, 3, 1)  # of the opinions that are shown
        self.coming_day = coming_day  # the day of the coming races; None: the race day after the last issue
        self._year = lru_cache(maxsize=64)(self._make_year)
        self._horse = lru_cache(maxsize=8192)(self._make_horse)

    @cached_property
    def _names(self) -> list[str]:
        return all_names(self.random_seed)

    @cached_property
    def foals(self) -> int:
        """The number of horses born in a year."""
        return max(10, self.issues_per_year * self.photos_per_issue // PHOTOS_A_HORSE)

    def issues(self, year: int) -> tuple[Issue, ...]:
        """The issues of a year in order; empty for a year outside this world."""
        return self._year(year) if year in self.years else ()

    def find_issue(self, code: str) -> Issue | None:
        """The issue with this code; None without one."""
        return next((issue for issue in self.issues(2000 + int(code[:2])) if issue.code == code), None)

    def horse(self, born: int, rank: int) -> Horse:
        """One of the horses born in a year."""
        return self._horse(born, rank)

    def _make_horse(self, born: int, rank: int) -> Horse:
        first = self.years.start - ACTIVE_AGES.stop
        number = (born - first) * self.foals + rank
        # The first foal of every second year has the name of one that was born nine years before.
        namesake = rank == 0 and born % 2 == 0 and born - NAMESAKE_YEARS >= first
        name = self._names[(number - namesake * NAMESAKE_YEARS * self.foals) % len(self._names)]
        return make_horse(self.random_seed, number, name, born)

    def horses(self) -> Iterator[Horse]:
        """All horses that issues show, each once."""
        seen = set[int]()
        for year in self.years:
            for issue in self.issues(year):
                for photo in issue.photos:
                    if photo.horse.number not in seen:
                        seen.add(photo.horse.number)
                        yield photo.horse

    def _make_year(self, year: int) -> tuple[Issue, ...]:
        random = Random(f"{self.random_seed}:year:{year}")
        issues: list[Issue] = []
        for index, issue_date in enumerate(_issue_dates(random, year, self.issues_per_year)):
            issues.append(self._make_issue(random, issue_date, index, issues[-1] if issues else None))
        return tuple(issues)

    def _make_issue(self, random: Random, issue_date: date, index: int, previous: Issue | None) -> Issue:
        """Of every four issues, the second lacks a file; the second and the fourth repeat a photo of the one before."""
        code = f"{issue_date:%y%m%d}"
        count = self.photos_per_issue - random.randint(0, self.photos_per_issue // 3)
        again = previous.photos[-1] if previous and index % 2 else None
        shares = _split_into_races(random, count)
        race_days, tracks = _race_days(issue_date), tuple(random.sample(range(1, len(RACECOURSES) + 1), 2))
        features = _make_features(random, shares, race_days, tracks, again.horse if again else None)
        races = [feature for feature in features for _ in range(shares[feature.name])]
        horses = self._line_up(random, issue_date.year, races, again.horse if again else None)
        missing = count if index % 4 == 1 and count > 1 else None
        photos = []
        for number, (horse, race) in enumerate(zip(horses, races, strict=True), 1):
            shot_on = issue_date - timedelta(days=random.randint(10, 13))
            picture = None if number == missing else Picture(horse, f"{code}-{number:02}")
            comment = _comment(random, horse) + words_of_distance(self.random_seed, f"{code}-{number:02}", horse.nature)
            photo = Photo(code, number, horse, race.name, shot_on, comment, picture)
            if again and number == 1 and (shown := again.picture):
                picture = Picture(horse, shown.shot, copy=index % 4 == 3)
                photo = Photo(code, number, horse, race.name, again.shot_on, photo.comment, picture)
            photos.append(photo)
        return Issue(code, issue_date, race_days, tracks, features, tuple(photos))

    def _line_up(self, random: Random, year: int, races: list[Feature], again: Horse | None) -> list[Horse]:
        """The horses for the places in races, each horse once, with different names."""
        chosen = {again.name: again} if again else {}
        while len(chosen) < len(races):
            horse = self._find_entrant(random, year, races[len(chosen)].ground, chosen)
            chosen.setdefault(horse.name, horse)
        return list(chosen.values())

    def _find_entrant(self, random: Random, year: int, ground: Ground, chosen: Container[str]) -> Horse:
        """A horse that its trainer enters; after TRIES horses, the one of them that is likeliest to be entered."""
        looked_at: list[Horse] = []
        while len(looked_at) < TRIES:
            born = year - random.choice(ACTIVE_AGES)
            # The first foals race more than others, so that namesakes occur.
            rank = 0 if random.random() < 0.02 else random.randrange(self.foals)
            horse = self.horse(born, rank)
            if horse.name in chosen:
                continue
            if random.random() < chance(horse.nature, ground):
                return horse
            looked_at.append(horse)
        return max(looked_at, key=lambda horse: chance(horse.nature, ground))


def _issue_dates(random: Random, year: int, count: int) -> list[date]:
    """Dates over the whole year, preferably after weekends of three days or over a month's end."""
    first = date(year, 1, 4)
    first += timedelta(days=-first.weekday() % 7)
    weeks = [first + timedelta(weeks=week) for week in range(51) if (first + timedelta(weeks=week)).year == year]
    count = min(count, len(weeks))
    dates = []
    for index in range(count):
        part = weeks[index * len(weeks) // count : (index + 1) * len(weeks) // count]
        weights = [4 if _is_holiday(monday) or monday.day == 2 else 1 for monday in part]
        monday = random.choices(part, weights)[0]
        dates.append(monday + timedelta(days=_is_holiday(monday)))
    return dates


def _is_holiday(monday: date) -> bool:
    return HAPPY_MONDAYS.get(monday.month) == (monday.day - 1) // 7 + 1


def _race_days(issue_date: date) -> tuple[date, ...]:
    """Saturday to the day before the issue."""
    return tuple(issue_date - timedelta(days=back) for back in range(issue_date.weekday() + 2, 0, -1))


def _split_into_races(random: Random, count: int) -> dict[str, int]:
    """How many horses each race has, by its name; at least two where that is possible."""
    races = random.sample(vocabulary.RACES, random.randint(1, max(1, min(3, count // 2))))
    shares = dict.fromkeys(races, 2 if count >= 2 else 1)
    for _ in range(count - sum(shares.values())):
        shares[random.choice(races)] += 1
    return shares


def _make_features(
    random: Random, names: Iterable[str], days: Sequence[date], tracks: Sequence[int], again: Horse | None
) -> tuple[Feature, ...]:
    """The races of an issue; the first is one for the horse that is shown again."""
    features: list[Feature] = []
    for name in names:
        day, track = random.choice(days), random.choice(tracks)
        grounds = [choose_ground(random, track) for _ in range(TRIES if again and not features else 1)]
        ground = max(grounds, key=lambda ground: chance(again.nature, ground)) if again else grounds[0]
        features.append(Feature(name, day, track, ground))
    return tuple(features)


def _comment(random: Random, horse: Horse) -> str:
    looks = vocabulary.AVERAGE_BODIED
    if horse.barrel < 0.25:
        looks = vocabulary.SHORT_BODIED
    elif horse.barrel > 0.6:
        looks = vocabulary.LONG_BODIED
    opening = random.choice(vocabulary.OPENINGS).format(look=random.choice(looks))
    return opening + random.choice(vocabulary.MIDDLES) + random.choice(vocabulary.ENDINGS)
