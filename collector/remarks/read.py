"""The one function that reads a remark: the magazine's, or a person's own."""

from typing import Any

from collector.remarks.build import read_build
from collector.remarks.claim import Remark
from collector.remarks.distance import read_distance
from collector.remarks.plain import plain


def read_facts(text: str | None) -> dict[str, Any]:
    """What a remark says, as columns of `photo`; without a remark nothing is said."""
    if not text:
        return {"distance_said": None, "claims": [], "build_tags": []}
    remark = read_remark(text)
    return {
        "distance_said": remark.said,
        "claims": [claim.as_json() for claim in remark.claims],
        "build_tags": [tagged.as_json() for tagged in remark.tags],
    }


def read_remark(text: str) -> Remark:
    """What a remark says of distance and of the build; any text is read, its first 4,000 characters."""
    remark = plain(text)
    said, claims = read_distance(remark)
    return Remark(said, claims, read_build(remark))
