"""`trainer index`: which photos of the collection look alike, for the photo search."""

from typing import TYPE_CHECKING

from collector.console.common import common
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import BestRunOption, DeviceName, directories, group, progress, read_settings

if TYPE_CHECKING:
    from trainer.inference.neighbours import Index
    from trainer.inference.serving import Predictor

commands = group()


@commands.add("index")
def index_collection(run: BestRunOption = "best", device: DeviceName = "auto") -> None:
    """Keep where a run's model places each photo of the collection.

    The photo search then shows, beside each photo, those that look most alike; it needs no run for that. Photos that
    came since are added by the next call, and another run's places replace these.

    Example: trainer index --run probe-1
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.inference.collection import conninfo_if_any
    from trainer.inference.vectors import index_photos

    predictor, index = _space(run, device)
    with conninfo_if_any(read_settings()) as conninfo:
        if conninfo is None:
            raise UsageError("There is no collection yet; `collector crawl` or `collector import` begins one.")
        with progress("photos") as report:
            done = index_photos(conninfo, predictor, index, report)
    if common().json:
        print_json({"model": index.space} | done.as_json())
        return
    words = f"{counted(done.new, 'photo was', 'photos were')} placed by {predictor.run.name}"
    left_out = counted(done.left_out, "is left out, as its site allows", "are left out, as their sites allow")
    words += f"; {left_out} no training" if done.left_out else ""
    words += f"; {done.broken:,} cannot be read" if done.broken else ""
    stdout().print(f"{words}. `collector serve` shows which look alike.", soft_wrap=True)


def _space(word: str, device_name: str) -> "tuple[Predictor, Index]":
    """A run's model, and the space of its features."""
    from trainer.inference.neighbours import find_index
    from trainer.inference.serving import Predictor
    from trainer.models.device import Device
    from trainer.runs.judged import find_best
    from trainer.runs.runs import version_of

    where = directories()
    run = find_best(where.runs, word, "")
    predictor = Predictor(run, Device.find(device_name, run.config.precision), "")
    version = version_of(run, where)
    with progress("features") as report:
        index = find_index(run, predictor.network, version, predictor.device, where.cache, report, predictor.key)
    if index is None:
        raise UsageError(f"The run {run.name} works on pixels and computes no features; index with another one.")
    return predictor, index
