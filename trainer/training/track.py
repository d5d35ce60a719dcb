"""What is sent of a run to the library that follows it. What fails there costs the run nothing but a warning."""

import contextlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from textwrap import shorten
from typing import Any

from trainer.directories import write_file
from trainer.runs.runs import Run
from trainer.training.learn import Report
from trainer.training.trackers import Followed, Tracker, follow

TRACKED = "tracked.json"  # in a run's folder: the id by which each library knows it
KEPT = ("loss", "validation_mse", "validation_std", "photos_a_second", "seconds")  # the metrics of an epoch


@contextlib.contextmanager
def followed(run: Run, tracker: Tracker | None, report: Report, warn: Callable[[str], None]) -> Iterator[None]:
    """Send what is reported of a run, and how it ends, to a library; `warn` gets one sentence if that fails."""
    if tracker is None:
        yield
        return
    line, shown = _Line(run, tracker, warn), report.metrics

    def metrics(facts: dict[str, Any]) -> None:
        shown(facts)
        line.send(facts)

    report.metrics = metrics
    try:
        yield
    finally:
        line.close()


class _Line:
    """The line to a library, which stays silent after the first failure."""

    def __init__(self, run: Run, tracker: Tracker, warn: Callable[[str], None]) -> None:
        self._run, self._tracker, self._warn = run, tracker, warn
        self._there: Followed | None = None
        self._warned = False
        with self._guarded("its configuration"):
            self._there = self._open()

    def _open(self) -> Followed:
        path = self._run.folder / TRACKED
        ids = json.loads(path.read_text()) if path.exists() else {}
        there = follow(self._tracker, self._run.name, described(self._run), ids.get(self._tracker))
        write_file(path, json.dumps(ids | {self._tracker: there.id}) + "\n")
        return there

    def send(self, facts: Mapping[str, Any]) -> None:
        """Send the metrics of an epoch."""
        if self._there:
            with self._guarded(f"the metrics from epoch {facts['epoch']} on"):
                part = f"seed-{facts['seed']}/" if "seed" in facts else ""
                self._there.log({f"{part}{key}": facts[key] for key in KEPT if key in facts}, facts["epoch"])

    def close(self) -> None:
        """Send how the run ended."""
        if self._there:
            with self._guarded("how it ended"):
                self._there.end(ending(self._run), max((line["epoch"] for line in self._run.metrics()), default=0))

    @contextlib.contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        """A failure within is a warning, and the last that the library hears; what it prints goes to stderr."""
        caught: list[warnings.WarningMessage] = []
        try:
            with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(sys.stderr):
                warnings.simplefilter("always")
                yield
        except Exception as error:  # noqa: BLE001  (any error of a library that is not ours; the run goes on)
            self._there = None
            self._say(f"{self._tracker} does not get {what}: {_reason(error)}. The run itself loses nothing.")
        for one in caught:
            if one.category is UserWarning:  # trackio's word for what it could not send
                self._say(f"{self._tracker} says: {_reason(one.message)}. The run itself loses nothing.")

    def _say(self, words: str) -> None:
        if not self._warned:
            self._warn(words)
        self._warned = True


def described(run: Run) -> dict[str, Any]:
    """The configuration of a run, its data set version and its code; without the paths of this machine."""
    config = {key: _without_path(key, value) for key, value in run.config.model_dump(mode="json").items()}
    return config | {"data": run.facts.data, "code": run.facts.code}


def _without_path(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_path(name, its) for name, its in value.items()}
    if isinstance(value, list):
        return [_without_path(key, its) for its in value]
    path = isinstance(value, str) and "/" in value and key not in ("label", "also") and not value.startswith("hf-hub:")
    return "a path" if path else value


def ending(run: Run) -> dict[str, float | str]:
    """How a run ended; a run that an error ended is `failed`."""
    facts = run.facts
    status = "failed" if facts.status == "training" else facts.status
    errors = {"final_train_mse": facts.train_mse, "final_validation_mse": facts.validation_mse}
    found: dict[str, float | str] = {key: value for key, value in errors.items() if value is not None}
    return found | {"status": status, "words": facts.words}


def _reason(error: BaseException | str) -> str:
    """The beginning of what a library said, without its full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = (lines or [type(error).__name__])[0].lstrip("* ")
    return shorten(line, 200, placeholder=" ...").rstrip(".")
