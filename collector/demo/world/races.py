"""The races of the look-alike world: their days, racecourses and horses. Pure.

Each race of an issue is run on one of its days, under its name, by its photographed horses and by others. One photo in
fifty shows a horse that was withdrawn before the draw. A few other races fill the days.
"""

from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache
from random import Random

from collector.demo.world import running
from collector.demo.world.courses import RACECOURSES, Ground, choose_ground
from collector.demo.world.entering import enter
from collector.demo.world.horses import Horse
from collector.demo.world.registry import Registered, Registry, is_misprinted
from collector.demo.world.running import Entry
from collector.demo.world.world import ACTIVE_AGES, Issue, Photo, World

WITHDRAWN = 0.02  # the share of photographed horses that do not run
LOCAL_TRACKS = (("44", "大井"), ("46", "金沢"), ("50", "園田"), ("30", "門別"))
FIELD = range(6, 13)  # horses in a race
LEAST_FIELD = 5  # even where trainers enter fewer
GOINGS = ("良", "良", "良", "稍重", "重", "不良")
WEATHERS = ("晴", "晴", "曇", "雨", "小雨", "雪", "小雪")
MAIN_PRIZES = (2000.0, 800.0, 500.0, 300.0, 200.0)  # 万円
OTHER_PRIZES = (500.0, 200.0, 130.0, 75.0, 50.0)
FOREIGN = 0.08  # the share of the magazine's races with a horse from abroad
COMING_TRACK = 6
NEW_LAYOUT = 2016  # the first year of the newer layout


@dataclass(frozen=True, slots=True)
class Race:
    """A past or coming race and its entries; words are as netkeiba prints them."""

    race_id: str
    day: date
    racecourse: str
    meeting_number: int
    meeting_day: int
    number: int
    name: str
    grade: str | None  # G3, L: the values of the parsers
    race_class: str
    conditions: str
    surface: str  # 芝, ダ or 障
    direction: str  # 右, 左, 直線 or nothing
    course: str  # 外 or nothing
    distance: int  # m
    weather: str
    going: str
    start: time
    prizes: tuple[float, ...]  # 万円
    entries: tuple[Entry, ...]  # in the order of the result; a coming race: by number
    drawn: bool = True  # whether numbers have been drawn

    @property
    def new_layout(self) -> bool:
        return self.day.year >= NEW_LAYOUT


Start = tuple[Race, Entry]  # a horse's entry, and the race


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned race, and the issue's photos of horses in it."""

    race_id: str
    day: date
    ground: Ground
    photos: tuple[Photo, ...] = ()
    printed_name: str | None = None  # in the issue; None: the issue does not mention the race


def plan(random_seed: int, issue: Issue, number: int) -> tuple[Planned, ...]:
    """The races of an issue's days; `number` is the issue's position in its year, from 0."""
    random = Random(f"{random_seed}:races:{issue.code}")
    planned = []
    for index, day in enumerate(issue.race_days):
        for track in sorted(issue.tracks):
            opening = f"{day.year}{track:02}{1 + number // 4:02}{1 + number % 4 * 3 + index:02}"
            other = choose_ground(random, track, jumps=True)
            planned.append(Planned(f"{opening}{random.randint(1, 8):02}", day, other))
            main = [race for race in issue.features if (race.day, race.track) == (day, track)]
            for race_number, race in enumerate(main, 12 - len(main)):
                photos = tuple(photo for photo in issue.photos if photo.race_name == race.name and not withdrawn(photo))
                planned.append(Planned(f"{opening}{race_number:02}", day, race.ground, photos, race.name))
    return tuple(planned)


def withdrawn(photo: Photo) -> bool:
    """Whether a photographed horse did not run."""
    if is_misprinted(photo.horse):
        return False  # the printed facts could not identify the horse
    return Random(f"withdrawn:{photo.issue_code}:{photo.number}:{photo.horse.name}").random() < WITHDRAWN


class Races:
    """The races of a world; the races of a weekend are made on the first request."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.registry = Registry(world)
        self._weekend = lru_cache(maxsize=1024)(self._make_weekend)
        self._entered = lru_cache(maxsize=1024)(self._find_entered)

    def on(self, day: date) -> tuple[Race, ...]:
        """The past races of a day; empty for a coming day."""
        issue = self._issue_of(day)
        return tuple(race for race in self._weekend(issue.code) if race.day == day) if issue else ()

    def local(self, day: date) -> list[tuple[str, str, str]]:
        """The races of a local track, on some days: id, track and name of each; they have no pages."""
        if self._issue_of(day) is None or day.toordinal() % 3:
            return []
        code, track = LOCAL_TRACKS[day.toordinal() // 3 % len(LOCAL_TRACKS)]
        return [(f"{day:%Y}{code}{day:%m%d}{number:02}", track, f"C{number}組") for number in (1, 2, 11)]

    def days(self, month: date) -> dict[date, tuple[str, ...]]:
        """The race days of a month, past and coming, each with its racecourses."""
        found = {day: {race.racecourse for race in self.on(day)} for day in self._days_of(month)}
        if (self.coming_day.year, self.coming_day.month) == (month.year, month.month):
            found[self.coming_day] = {race.racecourse for race in self.coming}
        return {day: tuple(sorted(places)) for day, places in sorted(found.items())}

    def _days_of(self, month: date) -> list[date]:
        days = [day for issue in self.world.issues(month.year) for day in issue.race_days]
        return [day for day in days if (day.year, day.month) == (month.year, month.month)]

    @property
    def coming_day(self) -> date:
        """The day of the coming races."""
        if self.world.coming_day:
            return self.world.coming_day
        last = self.world.issues(self.world.years[-1])[-1].issue_date
        return last + timedelta(days=5 - last.weekday())

    @property
    def coming(self) -> tuple[Race, ...]:
        """The coming races."""
        return self._weekend("")

    def find(self, race_id: str) -> Race | None:
        """A past or coming race, by its id; None without one."""
        if not race_id.isdigit() or len(race_id) != 12:
            return None
        for race in self.coming:
            if race.race_id == race_id:
                return race
        number = 4 * (int(race_id[6:8]) - 1) + (int(race_id[8:10]) - 1) // 3
        issues = self.world.issues(int(race_id[:4]))
        races = self._weekend(issues[number].code) if 0 <= number < len(issues) else ()
        return next((race for race in races if race.race_id == race_id), None)

    def career(self, registered: Registered, until: date) -> tuple[Start, ...]:
        """The races of a horse up to a day, newest first."""
        issues = [issue for age in ACTIVE_AGES for issue in self.world.issues(registered.horse.born + age)]
        starts = [start for issue in issues for start in self._entered(issue.code).get(registered.horse_id, ())]
        starts.sort(key=lambda start: (start[0].day, start[0].race_id))
        return tuple(start for start in reversed(starts) if start[0].day <= until)

    def _find_entered(self, code: str) -> dict[str, list[Start]]:
        """What each horse ran on a weekend, by its id."""
        found: dict[str, list[Start]] = {}
        for race in self._weekend(code):
            for entry in race.entries:
                found.setdefault(entry.horse.horse_id, []).append((race, entry))
        return found

    def plan_of(self, issue: Issue) -> tuple[Planned, ...]:
        """The planned races of an issue's days."""
        return plan(self.world.random_seed, issue, self.world.issues(issue.issue_date.year).index(issue))

    def _issue_of(self, day: date) -> Issue | None:
        return next((issue for issue in self.world.issues(day.year) if day in issue.race_days), None)

    def _make_weekend(self, code: str) -> tuple[Race, ...]:
        issue = self.world.find_issue(code) if code else None
        planned = self.plan_of(issue) if issue else self._plan_coming()
        random = Random(f"{self.world.random_seed}:weekend:{code}")
        others = self._others(random, self._year_of(planned[0].day), issue)
        return tuple(self._make_race(race, others, run=issue is not None) for race in planned)

    def _plan_coming(self) -> tuple[Planned, ...]:
        day = self.coming_day
        number = len(self.world.issues(day.year))
        opening = f"{day.year}{COMING_TRACK:02}{1 + number // 4:02}{1 + number % 4 * 3:02}"
        random = Random(f"{self.world.random_seed}:coming:{day}")
        return tuple(
            Planned(f"{opening}{number:02}", day, choose_ground(random, COMING_TRACK, jumps=name is None), (), name)
            for number, name in ((1, None), (4, None), (11, "望月賞"))
        )

    def _others(self, random: Random, year: int, issue: Issue | None) -> list[Horse]:
        """The horses that may run with the photographed ones, in the order in which races take them."""
        shown = {photo.horse.number for photo in issue.photos} if issue else set[int]()
        horses = [
            self.world.horse(year - age, rank)
            for age in ACTIVE_AGES
            for rank in range(self.world.foals)
            if year - age in self.registry.years
        ]
        random.shuffle(horses)
        return [horse for horse in horses if horse.number not in shown]

    def _make_race(self, planned: Planned, others: list[Horse], *, run: bool) -> Race:
        random = Random(f"{self.world.random_seed}:race:{planned.race_id}")
        day, ground = planned.day, planned.ground
        number = int(planned.race_id[10:])
        racecourse = RACECOURSES[int(planned.race_id[4:6]) - 1]
        weather, going = random.choice(WEATHERS), random.choice(GOINGS)
        name, grade, race_class, conditions = _title(random, planned.printed_name, day.year, ground.surface)
        prizes = MAIN_PRIZES if planned.printed_name else OTHER_PRIZES
        field = self._field(random, planned, others)
        entries = running.draw(random, field, self._year_of(day))
        if run:
            entries = running.run(random, entries, ground, going, prizes)
        return Race(
            planned.race_id, day, racecourse, int(planned.race_id[6:8]), int(planned.race_id[8:10]), number,
            name, grade, race_class, conditions, ground.surface, ground.direction, ground.course, ground.distance,
            weather, going, _start(number), prizes, entries, drawn=run or number < 11,
        )  # fmt: skip

    def _year_of(self, day: date) -> int:
        """The year from which ages are computed: after the world's last year, horses do not age."""
        return min(day.year, self.world.years[-1])

    def _field(self, random: Random, planned: Planned, others: list[Horse]) -> list[Registered]:
        field = [self.registry.register(photo.horse) for photo in planned.photos]
        field += [other for photo in planned.photos if (other := self.registry.alike(photo.horse))]
        if planned.photos and random.random() < FOREIGN:
            field.append(self.registry.foreign(planned.day.year - random.randint(3, 5), random.randrange(4)))
        # Enough horses must be left for the weekend's other races.
        missing = max(0, min(random.choice(FIELD) - len(field), 1 + len(others) // 6))
        entered = enter(random, planned.ground, others, missing, max(0, LEAST_FIELD - len(field)))
        return field + [self.registry.register(horse) for horse in entered]


def _start(number: int) -> time:
    minutes = 9 * 60 + 50 + 30 * (number - 1) + (5 if number > 6 else 0)
    return time(minutes // 60, minutes % 60)


def _title(random: Random, printed: str | None, year: int, surface: str) -> tuple[str, str | None, str, str]:
    """Name, grade, class and conditions; a race that the magazine mentions gets its full name."""
    if printed is None:
        race_class = "障害2歳以上未勝利" if surface == "障" else random.choice(("2歳以上500万下", "2歳以上未勝利"))
        return race_class, None, race_class, random.choice(("(混)[指](馬齢)", "[指](定量)", "(馬齢)"))
    name = printed[:-1] + "ステークス" if printed.endswith("S") else printed
    if name.endswith(("・秋", "・春")):
        name = f"{name[:-2]}({name[-1]})"
    if name.endswith(("記念", "賞")):
        name = f"第{year - 1950}回{name}"
    grade = random.choice(("G1", "G2", "G3", "L", None, None))
    mark = {"G1": "GI", "G2": "GII", "G3": "GIII"}.get(grade or "", grade) if year >= NEW_LAYOUT else grade
    age = "2歳以上オープン" if year >= NEW_LAYOUT else "サラ系2歳以上オープン"
    return name + (f"({mark})" if mark else ""), grade, age, random.choice(("(国際)(指)(定量)", "(国際)(特指)(ハンデ)"))
