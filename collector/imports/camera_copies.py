"""Which files show one and the same shot: a RAW file and its JPEG, a smaller copy, the same encoded anew. Pure.

Photos of a burst look nearly the same and are different photos. So what looks the same is a copy only if it was taken
by the same camera in the same moment by its clock, whatever is added to that. Where the moment is known to the second
only, a second has many photos: then a copy has to have another size, another format, or the same name beside its twin.
Of what was forgotten, all that was taken in exactly that moment stays out, also a part that was cut out of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from collector.storage.images import Picture, distance
from collector.storage.picture_bytes import Format

NEAR = 12  # bits of 256 in which the hashes of a shot's encodings may differ; see `collector.pipeline.statements`


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file, or a photo that is held, which may show the same shot as another."""

    file: str
    size: int  # bytes
    picture: Picture
    clock: datetime | None  # what the camera's clock showed
    camera: str | None
    held: bool = False
    forgotten: bool = False

    @property
    def exact(self) -> bool:
        """Whether its moment has a fraction of a second."""
        return self.clock is not None and self.clock.microsecond != 0

    @property
    def rank(self) -> tuple[bool, bool, int, int, str]:
        """The least is kept: what is held, rather a JPEG or HEIC than RAW, of more pixels, of more bytes."""
        raw = self.picture.media_type == Format.RAW
        return not self.held, raw, -self.picture.width * self.picture.height, -self.size, self.file


def copies(candidates: Iterable[Candidate]) -> dict[str, Candidate]:
    """The files that are copies, each with what stays of the shot. What has no moment is a copy or nothing."""
    moments = dict[tuple[str | None, datetime], list[Candidate]]()
    undated, found = list[Candidate](), dict[str, Candidate]()
    for one in sorted(candidates, key=lambda one: one.rank):
        if one.clock is None:
            undated.append(one)
            continue
        kept = moments.setdefault((one.camera, one.clock.replace(microsecond=0)), [])
        first = next((other for other in kept if same_shot(other, one)), None)
        if first is None or one.held:
            kept.append(one)
        else:
            found[one.file] = first
    dated = [one for kept in moments.values() for one in kept]
    for one in undated:
        if (first := _looks_like(one, dated)) is not None:
            found[one.file] = first
    return found


def same_shot(one: Candidate, other: Candidate) -> bool:
    """Whether two pictures of one camera and of one second show one shot; the first is known already."""
    raw = [its.picture.media_type == Format.RAW for its in (one, other)]
    if one.exact and other.exact and one.clock != other.clock:
        return False
    twins = _stem(one) == _stem(other) and raw[0] != raw[1]
    if twins:
        return True  # a camera's own JPEG may be cut otherwise
    bits = distance(one.picture.phash, other.picture.phash)
    if one.exact and other.exact:
        return bits <= NEAR or one.forgotten
    encoded = [(its.picture.media_type, its.picture.width, its.picture.height) for its in (one, other)]
    return bits <= NEAR and (encoded[0] != encoded[1] or bits == 0)


def _stem(one: Candidate) -> str:
    """The name of a file with its folder, without its suffix: of IMG_1.CR3 and IMG_1.JPG the same."""
    return str(PurePosixPath(one.file).with_suffix("")).casefold() if one.file else ""


def _looks_like(one: Candidate, others: Sequence[Candidate]) -> Candidate | None:
    looks = int(one.picture.phash, 16)
    return next((its for its in others if (int(its.picture.phash, 16) ^ looks).bit_count() <= NEAR), None)
