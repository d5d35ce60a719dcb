"""How far a long piece of work is: a line that changes on a terminal, a line every few seconds elsewhere."""

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType

from collector.console.measures import span_in_words

LINE_EVERY = 5.0  # seconds between two lines where the output is not a terminal
AGAIN_AFTER = 0.1  # seconds between two changes of the line on a terminal
SURE_AFTER = 3.0  # seconds after which the time left is guessed from the time taken


@dataclass(slots=True)
class Steps:
    """Shows `done` of `total` things, with the time that is left."""

    console: Console
    things: str = ""  # in the plural: pages
    _began: float = field(init=False)
    _shown: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._shown = -AGAIN_AFTER if self.console.is_terminal else self._began

    def __enter__(self) -> "Steps":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, done: int, total: int) -> None:
        """Show how far it is, unless that was shown just now."""
        words = f"{done:,} of {total:,} {self.things}"
        taken = time.monotonic() - self._began
        if 0 < done < total and taken >= SURE_AFTER:
            words += f", about {span_in_words(taken / done * (total - done))} left"
        self.say(words)

    def say(self, words: str) -> None:
        """Show these words, unless others were shown just now."""
        now = time.monotonic()
        if now - self._shown < (AGAIN_AFTER if self.console.is_terminal else LINE_EVERY):
            return
        self._shown = now
        if self.console.is_terminal:
            self.clear()
            self.console.print(words, end="", highlight=False)
        else:
            self.console.print(words, highlight=False, soft_wrap=True)

    def clear(self) -> None:
        """Take the line from a terminal."""
        if self.console.is_terminal:
            self.console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
