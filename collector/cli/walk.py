"""Naming the horses of one's own photos in the terminal: the same as the review's page, one line a photo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.codes import MatchRule
from collector.console.visible import on_one_line
from collector.console.wording import counted
from collector.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from collector.matching.walks import Shot, Walk
    from collector.politeness.gate import Connection

HELP = "A number; Enter: the first proposal; n: no horse; t: its head is turned; u: take back; s: skip; q: stop."
NAMED = "No photo of this race is left. Enter: go on; u: take back; q: stop. "

Ask = Callable[[str], str | None]  # a line of the person; None: there are no more


@dataclass(slots=True)
class Naming:
    """Naming the photos of one race after the other."""

    connection: "Connection"
    console: "Console"
    ask: Ask
    named: int = 0
    _steps: list[tuple[str, int | MatchRule]] = field(default_factory=list)  # of this race: photo, what it was before

    async def run(self, races: Sequence[str]) -> int:
        """Go through the races until the person stops; the number of decisions."""
        from collector.matching.walks import read_walk

        self.console.print(HELP)
        for race_id in races:
            self._steps.clear()
            if not await self._race(await read_walk(self.connection, race_id)):
                break
        return self.named

    async def _race(self, walk: "Walk") -> bool:
        """Name the photos of a race; False: the person stops."""
        self._show(walk)
        skipped = set[str]()
        at = ""
        # Where no photo is left, the last decision can still be taken back.
        while (shot := _next(walk, at, skipped)) or self._steps:
            word = self.ask(_question(walk, shot) if shot else NAMED)
            if word is None or word == "q":
                return False
            if shot is None and word == "":
                break
            if shot and word == "s":
                skipped.add(shot.photo)
                continue
            try:
                walk, at = await self._decided(walk, shot, word)
            except UsageError as error:
                self.console.print(str(error), markup=False)
        self.console.print(_counts(walk))
        return True

    async def _decided(self, walk: "Walk", shot: "Shot | None", word: str) -> tuple["Walk", str]:
        """The walk after a decision, and the photo after which the next one is looked for.

        Raises:
            UsageError: the word is not an answer, or there is no such horse.
        """
        from collector.matching.walks import name_shot, turn_head

        if word == "u":
            if not self._steps:
                raise UsageError("There is nothing to take back in this race.")
            photo, shows = self._steps.pop()
            return await name_shot(self.connection, walk.race_id, photo, shows), _before(walk, photo)
        if shot is None:
            raise UsageError(NAMED)
        if word == "t":
            walk = await turn_head(self.connection, walk.race_id, shot.photo)
            self.console.print(
                "Its head is turned." if _of(walk, shot.photo).head_turned else "Its head is not turned."
            )
            return walk, _before(walk, shot.photo)
        shows = _meaning(walk, shot, word)
        after = await name_shot(self.connection, walk.race_id, shot.photo, shows)
        self._steps.append((shot.photo, _state(walk, shot)))
        self.named += 1
        return after, shot.photo

    def _show(self, walk: "Walk") -> None:
        horses = "   ".join(f"{horse.number} {horse.name}" for horse in walk.walkers)
        self.console.print()
        self.console.print(f"Race {walk.race_id}, {counted(len(walk.shots), 'photo')}")
        self.console.print(horses)


def ask(question: str) -> str | None:
    """A line that the person types."""
    try:
        return input(on_one_line(question)).strip()
    except EOFError:
        return None


def _meaning(walk: "Walk", shot: "Shot", word: str) -> int | MatchRule:
    if word == "n":
        return MatchRule.NO_HORSE
    if word == "" and (likely := walk.likely(shot)):
        return likely
    if word.isascii() and word.isdecimal() and len(word) <= 2:
        return int(word)
    raise UsageError(HELP if word else "There is no proposal yet; type the horse's number.")


def _state(walk: "Walk", shot: "Shot") -> int | MatchRule:
    if not shot.by_hand:
        return MatchRule.NOT_NAMED
    return walk.number_of(shot.horse_id) or MatchRule.NO_HORSE


def _next(walk: "Walk", at: str, skipped: set[str]) -> "Shot | None":
    place = next((index for index, shot in enumerate(walk.shots) if shot.photo == at), -1)
    ordered = (*walk.shots[place + 1 :], *walk.shots)
    return next((shot for shot in ordered if shot.is_open and shot.photo not in skipped), None)


def _before(walk: "Walk", photo: str) -> str:
    """The photo before one; the search for the next open one then finds this one again."""
    photos = ["", *(shot.photo for shot in walk.shots)]
    return photos[photos.index(photo) - 1]


def _of(walk: "Walk", photo: str) -> "Shot":
    return next(shot for shot in walk.shots if shot.photo == photo)


def _question(walk: "Walk", shot: "Shot") -> str:
    from collector.console.wording import on_the_clock

    likely = walk.likely(shot)
    names = {horse.number: horse.name for horse in walk.walkers}
    proposal = (
        f" [{likely} {names[likely]}, {int(100 * shot.certainty)}%]" if likely and shot.certainty is not None else ""
    )
    return f"{on_the_clock(shot.taken_at, seconds=True)}  {shot.photo}{proposal}: "


def _counts(walk: "Walk") -> str:
    named = sum(shot.by_hand for shot in walk.shots)
    still = sum(shot.is_open for shot in walk.shots)
    return f"{named} named, {len(walk.shots) - named - still} by the walk, {still} open."
