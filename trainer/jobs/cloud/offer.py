"""What SkyPilot says before a job is queued: is it installed, may it rent, which machine would it take, at which price?

All of it is asked within this process, so that no SkyPilot server is started for a question. If SkyPilot uses a remote
server (`sky api login`), only that has the credentials and can answer; problems then appear when the job runs.
"""

import contextlib
import importlib.util
import io
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

from collector.errors import UsageError
from trainer.errors import not_installed
from trainer.jobs.cloud.task import count_gpus, resources_of
from trainer.jobs.profiles import SKYPILOT, Profile

NOT_INSTALLED = not_installed("SkyPilot", "cloud")
FETCHED_BY = {"gcs": ("gsutil", "gcp")}  # the program that copies output, and SkyPilot's extra that installs it
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def load_sky() -> Any:
    """SkyPilot's package, with its usage statistics switched off by default.

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec("sky") is None:
        raise UsageError(NOT_INSTALLED)
    os.environ.setdefault("SKYPILOT_DISABLE_USAGE_COLLECTION", "1")  # noqa: TID251  (SkyPilot reads it)
    return importlib.import_module("sky")


def in_a_sentence(error: BaseException) -> str:
    """SkyPilot's reason: the first line, without colours and full stop."""
    lines = [line.strip() for line in COLOUR.sub("", str(error)).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].rstrip(".")[:300]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide the progress that SkyPilot prints."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def offer(profile: Profile, gpus: int) -> str:
    """The machine that SkyPilot would rent, in a line.

    Raises:
        UsageError: it is not installed, may not rent, or has no such machine; the error has its reason.
    """
    with _quiet():  # SkyPilot's logger keeps the stdout that it finds at import
        sky = load_sky()
    program, extra = FETCHED_BY.get(profile.store, ("aws", "aws"))
    if shutil.which(program) is None:
        raise UsageError(
            f"{program} is not installed, which brings a job's output back from {profile.store}: "
            f"pip install 'skypilot[{extra}]'."
        )
    resources = resources_of(profile.cloud, gpus)
    try:
        with _quiet():
            from sky.server import common  # pyright: ignore[reportMissingImports]

            if not common.is_api_server_local():
                return "what the SkyPilot server that you are logged in to chooses"
            task = sky.Task.from_yaml_config({"name": "offer", "resources": resources, "run": "true"})
            with sky.Dag() as dag:
                dag.add(task)
            sky.Optimizer.optimize(dag, quiet=True)
            best = task.best_resources
            cost = best.get_cost(3600)
    except (
        sky.exceptions.NoCloudAccessError, sky.exceptions.ResourcesUnavailableError, sky.exceptions.CloudError,
        ValueError, OSError, RuntimeError, ImportError,
    ) as error:  # fmt: skip
        raise UsageError(f"--where {profile.name}: SkyPilot: {in_a_sentence(error)}.") from error
    where = "/".join(str(part) for part in (best.cloud, best.region) if part)
    return f"{best.instance_type} of {where}{', spot' if best.use_spot else ''}, {cost:.2f} USD an hour"


def as_yaml(task: dict[str, Any]) -> str:
    """A task as SkyPilot's YAML, checked by SkyPilot.

    Raises:
        UsageError: SkyPilot does not accept it.
    """
    with _quiet():  # SkyPilot's logger keeps the stdout that it finds at import
        sky = load_sky()
    try:
        with _quiet():
            from sky.utils import yaml_utils  # pyright: ignore[reportMissingImports]

            sky.Task.from_yaml_config(dict(task))
    except ValueError as error:
        raise UsageError(f"SkyPilot: {in_a_sentence(error)}.") from error
    return yaml_utils.dump_yaml_str(task)


def priced(profile: Profile, gpus: int = 0) -> Profile:
    """The profile of a cloud; if it has no price, with the lowest in SkyPilot's catalogue for its region or any region.

    SkyPilot downloads the catalogue at its first use and every few hours; without a network it may have no prices.
    """
    if profile.kind != SKYPILOT or profile.hourly or not profile.accelerators:
        return profile
    if importlib.util.find_spec("sky") is None:
        return profile
    with _quiet():
        load_sky()
    cloud, _, region = (profile.infra or "").partition("/")
    name, count = profile.accelerators.partition(":")[0], count_gpus(profile.cloud, gpus)
    try:
        with _quiet():
            from sky import catalog  # pyright: ignore[reportMissingImports]

            offers = catalog.list_accelerators(
                name_filter=f"^{re.escape(name)}$", quantity_filter=count, clouds=cloud or None, case_sensitive=False,
                region_filter=f"^{re.escape(region.partition('/')[0])}$" if region else None,
            )  # fmt: skip
    except (ValueError, OSError, RuntimeError, ImportError):
        return profile
    prices = [one.spot_price if profile.spot else one.price for listed in offers.values() for one in listed]
    known = [float(price) for price in prices if price and price > 0]  # a missing price is NaN
    return profile.model_copy(update={"price_per_hour": min(known), "currency": "USD"}) if known else profile
