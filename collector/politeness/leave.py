"""The leave that a source needs: a person has accepted what its keepers allow. Pure; `accepted` asks the database."""

from dataclasses import dataclass
from datetime import date, datetime

from collector.console.wording import in_japan


@dataclass(frozen=True, slots=True)
class Leave:
    """What a person must have accepted before a source is asked for anything, robots.txt included."""

    source: str
    digest: str  # of the terms
    dated: date | None  # of the terms, as the keepers state it
    terms: str  # in one sentence, with their address
    by_permission: bool  # the keepers forbid copying, so it takes their permission

    @property
    def command(self) -> str:
        """The command that gives it."""
        permission = ' --permission "who gave it, when"' if self.by_permission else ""
        return f"collector sources accept {self.source}{permission}"

    def why_not(self, others_at: datetime | None) -> str:
        """Why no request is made, and what to do; `others_at`: when its former terms were accepted."""
        why = f'No request is made: the terms of {self.source} {_since(others_at)}. "{self.terms}"'
        return f"{why} Read them, and run `{self.command}`."

    def next_thing(self, others_at: datetime | None) -> str:
        """What a person should do, where that is listed beside other things."""
        why = f"The terms of {self.source} {_since(others_at)}, so nothing is asked there"
        return f"{why}: read them (`collector sources`), then run `{self.command}`."


def _since(others_at: datetime | None) -> str:
    return f"have changed since {in_japan(others_at)}" if others_at else "have not been accepted"
