"""The places where jobs can run, and their prices: `profiles.toml` in PADDOCK_HOME, a table for each place.

    [local]                  # this machine; all of it can be left out
    slots = 1                # CPU jobs at once
    watts = 350              # drawn while a job runs
    price_per_kwh = 0.32
    purchase_price = 2400    # for the break-even of `trainer job price`
    currency = "EUR"

    [stable]                 # every machine on which `trainer worker` runs on the same Postgres
    kind = "fleet"
    price_per_hour = 0.20

    [lambda-a10]             # a cloud, through SkyPilot
    kind = "skypilot"
    infra = "lambda"
    accelerators = "A10:1"
    spot = false
    store = "s3"             # where the output is kept until it is brought back: s3 or gcs
    price_per_hour = 0.75    # default: the price in SkyPilot's catalogue

Credentials do not belong here: clouds read them from the environment or from their own files.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.errors import UsageError
from trainer.jobs.task import LOCAL

FILE = "profiles.toml"
SKYPILOT = "skypilot"


class Profile(BaseModel):
    """One place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["local", "fleet", "skypilot"] = "local"
    slots: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 2) // 2), ge=1)  # CPU jobs at once
    watts: float = Field(default=0, ge=0)
    price_per_kwh: float = Field(default=0, ge=0)
    purchase_price: float = Field(default=0, ge=0)
    price_per_hour: float = Field(default=0, ge=0)  # of a rented machine
    currency: str = "USD"
    infra: str | None = None  # what SkyPilot takes: a cloud, cloud/region, k8s/context, ssh/pool
    accelerators: str | None = Field(default=None, pattern=r"^[\w.-]+(:\d+(\.\d+)?)?$")  # A100:1
    spot: bool = False
    image: str | None = None
    store: Literal["s3", "gcs"] = "s3"  # kind of the bucket for a job's output

    @property
    def hourly(self) -> float:
        """The price of an hour: the rent and the power."""
        return self.price_per_hour + self.watts / 1000 * self.price_per_kwh

    @property
    def cloud(self) -> dict[str, Any]:
        """The part that a job stores, so that later changes of the profile do not affect it."""
        return self.model_dump(include={"infra", "accelerators", "spot", "image", "store"})


def read_profiles(home: Path) -> Mapping[str, Profile]:
    """The places of a home by name; `local` is always among them.

    Raises:
        UsageError: the file cannot be read; the error says where.
    """
    path = home / FILE
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
    return {name: _as_profile(path, name, table) for name, table in ({LOCAL: {}} | tables).items()}


def _as_profile(path: Path, name: str, table: Any) -> Profile:
    try:
        kind = "local" if name == LOCAL else table.get("kind")
        if kind is None or (name == LOCAL and table.get("kind", "local") != "local"):
            raise UsageError(f'{path}, [{name}]: give it a kind, "fleet" or "skypilot"; "local" is this machine.')
        return Profile(**table | {"name": name, "kind": kind})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{path}, [{name}], {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    except AttributeError as error:
        raise UsageError(f"{path}: {name} is not a table; write [{name}] and its settings under it.") from error


def find_profile(home: Path, name: str) -> Profile:
    """The place of a name.

    Raises:
        UsageError: no place has that name.
    """
    profiles = read_profiles(home)
    if name not in profiles:
        raise UsageError(f"No place is called {name!r}; {home / FILE} names {', '.join(profiles)}.")
    return profiles[name]
