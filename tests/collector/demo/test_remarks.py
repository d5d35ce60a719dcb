"""The look-alike's remarks: they say of distance what the build shows, with an error, and change nothing else."""

from collections import Counter

import numpy as np

from collector.codes import Said
from collector.demo.world.world import Photo, World
from collector.remarks.read import read_remark

PHOTOS = [photo for year in World().years for issue in World().issues(year) for photo in issue.photos]


def best(photo: Photo) -> float | None:
    """The best distance that the remark names, in metres."""
    named = [claim for claim in read_remark(photo.comment).claims if claim.kind.startswith("best") and claim.low_m]
    return (named[0].low_m + (named[0].high_m or 0)) / 2 if named and named[0].low_m else None


def test_remarks_name_distances_that_follow_the_build_with_an_error() -> None:
    named = [(metres, photo.horse.nature.build) for photo in PHOTOS if (metres := best(photo))]
    assert len(named) > len(PHOTOS) / 3
    ranks = [np.argsort(np.argsort(column)) for column in zip(*named, strict=True)]
    assert 0.8 < float(np.corrcoef(ranks[0], ranks[1])[0, 1]) < 0.95


def test_some_remarks_say_nothing_of_distance_and_some_cannot_be_read() -> None:
    said = Counter(read_remark(photo.comment).said for photo in PHOTOS)
    assert said[Said.SAID] > said[Said.NOTHING] > said[Said.NOT_UNDERSTOOD] > 0


def test_long_bodies_are_called_long_and_short_ones_short() -> None:
    barrels: dict[str, list[float]] = {"胴長": [], "胴詰まり": []}
    for photo in PHOTOS:
        for tagged in read_remark(photo.comment).tags:
            barrels.get(tagged.tag, []).append(photo.horse.barrel)
    assert min(barrels["胴長"]) > max(barrels["胴詰まり"])
