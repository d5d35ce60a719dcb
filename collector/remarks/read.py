"""The one function that reads a remark: the magazine's, or a person's own."""

from collector.remarks.build import read_build
from collector.remarks.claim import Remark
from collector.remarks.distance import read_distance
from collector.remarks.plain import plain


def read_remark(text: str) -> Remark:
    """What a remark says of distance and of the build; any text is read, its first 4,000 characters."""
    remark = plain(text)
    said, claims = read_distance(remark)
    return Remark(said, claims, read_build(remark))
