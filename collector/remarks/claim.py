"""What is read of a remark: claims on distance, tags of the build, each with the stretch of text it comes from."""

from dataclasses import dataclass
from typing import Any

from collector.codes import ClaimKind, Said


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim on the distance that suits the horse; which of the two distances are there depends on the kind."""

    kind: ClaimKind
    low_m: int | None
    high_m: int | None
    start: int  # the stretch of the remark, as characters
    end: int

    def as_json(self) -> dict[str, Any]:
        """The claim as it is kept."""
        return {name: getattr(self, name) for name in ("kind", "low_m", "high_m", "start", "end")}


@dataclass(frozen=True, slots=True)
class Tagged:
    """One tag of the build."""

    tag: str  # see `collector.remarks.build.VOCABULARY`
    start: int
    end: int

    def as_json(self) -> dict[str, Any]:
        """The tag as it is kept."""
        return {"tag": self.tag, "start": self.start, "end": self.end}


@dataclass(frozen=True, slots=True)
class Remark:
    """All that is read of a remark."""

    said: Said  # of distance
    claims: tuple[Claim, ...]
    tags: tuple[Tagged, ...]
