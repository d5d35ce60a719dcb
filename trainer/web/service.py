"""The work behind the pages and the API: reading photos, answering for them, and drawing saliency maps."""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from collector.errors import BrokenPicture, TryLater, UsageError
from collector.storage.decoders import Decoders
from collector.web.server.answer_cache import AnswerCache
from collector.web.server.problems import Problem
from collector.web.server.slots import Slots
from trainer.directories import make_folder, write_file
from trainer.inference.collection import Collection
from trainer.inference.photos import Reach, read_address
from trainer.inference.saliency import saliency
from trainer.inference.serving import Prediction, Predictor
from trainer.web import pictures
from trainer.web.about import about
from trainer.web.answer import Answer, Given
from trainer.web.batches import Batches
from trainer.web.gallery import Gallery
from trainer.web.problems import Code
from trainer.web.together import SIMILAR, Together, Unread

Asked = ParamSpec("Asked")
Made = TypeVar("Made")

logger = logging.getLogger(__name__)

DECODERS = 2  # processes that decode photos
SLOTS = 32  # photos that are read or answered at the same time; further requests get a problem and retry
DRAWINGS = 4  # saliency maps that are being drawn or wait for it


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer for a horse, kept for its page: its photos' answers are kept by themselves."""

    prediction: Prediction
    keys: Sequence[str]  # of the photos' answers
    unread: Sequence[Unread]


class Service:
    """Answers with a run, its data set and the collection, if these exist."""

    def __init__(
        self,
        predictor: Predictor,
        gallery: Gallery | None,
        collection: Collection | None,
        reach: Reach,
        keep_uploads: Path | None = None,
        *,
        demo: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.gallery = gallery
        self.collection = collection
        self.keep_uploads = keep_uploads
        self.demo = demo  # whether pages show commands for the look-alike
        version, space = (gallery.version, gallery.index.space) if gallery else (None, None)
        self.about = about(predictor.run, predictor.key, predictor.scale, version, space)
        self.samples = [gallery.known(row) for row in gallery.samples()] if gallery else []
        self.answers = AnswerCache[Answer](clock)
        self._together = AnswerCache[Kept](clock)
        self._predictor = predictor
        self._reach = reach
        self._how = predictor.run.config.preparation
        self._batches = Batches[tuple[Prediction, np.ndarray]](predictor.see)
        self._decoders = Decoders(DECODERS)
        self._drawers = ThreadPoolExecutor(1, thread_name_prefix="drawer")
        self.slots = Slots(SLOTS)
        self._drawing = 0

    async def close(self) -> None:
        """End the threads and processes."""
        async with self._batches:
            await asyncio.to_thread(self._decoders.close)
            self._drawers.shutdown(cancel_futures=True)

    @contextmanager
    def searching(self) -> Iterator[Collection]:
        """The collection.

        Raises:
            Problem: no collection exists, or it cannot be reached.
        """
        if self.collection is None:
            raise Problem(Code.NO_COLLECTION)
        try:
            yield self.collection
        except TryLater as error:
            raise Problem(Code.COLLECTION_LOST, retry_after=5) from error

    async def at(self, url: str) -> Given:
        """The photo at an address.

        Raises:
            Problem: the address may not be read, or has no photo.
        """
        word = url.strip()
        word = word if "://" in word else f"http://{word}"
        held = self.collection.photo_at if self.collection else None
        try:
            return Given(word, await read_address(word, self._reach, held))
        except UsageError as error:
            raise Problem(Code.ADDRESS, str(error)) from error

    async def of_collection(self, number: int) -> Given:
        """A photo of the collection by its id.

        Raises:
            Problem: the photo does not exist, or the collection cannot be reached.
        """
        with self.searching() as collection:
            found = await collection.photo(number)
        if found is None:
            raise Problem(Code.NOT_FOUND)
        return Given(found.horse_name, found.body)

    def of_data_set(self, row: int) -> Given:
        """The photo in a row of the run's data set.

        Raises:
            Problem: the row does not exist.
        """
        if self.gallery is None or not 0 <= row < len(self.gallery):
            raise Problem(Code.NOT_FOUND)
        return Given(self.gallery.known(row).horse_name, row=row)

    async def answer(self, given: Given, *, show: bool) -> Answer:
        """The answer for a photo; with `show` it includes a picture for the page.

        Raises:
            Problem: the photo cannot be read.
        """
        opened, row = await self._open(given, show=show)
        prediction, features = await self._batches.ask(opened.pixels)
        known = self.gallery.known(row) if self.gallery and row is not None else None
        known = known if known and known.value is not None else None  # the photo may have other labels alone
        strange, point, similar = None, None, []
        if self.gallery:
            index = self.gallery.index
            point = index.project(features[None])[0]
            strange = index.looks_strange(point)
            nearest = index.nearest(point, SIMILAR, but=known.horse_id if known else None)
            similar = [self.gallery.known(near, distance) for near, distance in nearest]
        return Answer(
            prediction,
            strange,
            known,
            similar,
            point,
            opened.pixels,
            opened.width,
            opened.height,
            opened.shown,
            given.name,
        )

    async def answer_all(self, given: AsyncIterator[Given | Unread], *, show: bool) -> Together:
        """The answers for the photos of a horse, and the horse's. They are made one after the other, so that a request
        takes no more of the server at a time than one of a single photo does.

        Raises:
            Problem: no photo can be read, or the server is busy.
        """
        photos = [one if isinstance(one, Unread) else await self._try(one, show=show) async for one in given]
        if isinstance(photos[0], Unread) and all(isinstance(photo, Unread) for photo in photos):
            raise photos[0].problem
        read = [photo.prediction for photo in photos if isinstance(photo, Answer)]
        return Together(self._predictor.together(read, ""), photos)

    async def _try(self, given: Given, *, show: bool) -> Answer | Unread:
        try:
            return await self.answer(given, show=show)
        except Problem as problem:
            if problem.retry_after is not None:
                raise
            return Unread(given.name, problem)

    def keep(self, together: Together) -> str:
        """Keep the answer for a horse, and those for its photos; returns its key."""
        keys = [self.answers.add(answer) for answer in together.answers]
        return self._together.add(Kept(together.prediction, keys, together.unread))

    def kept(self, key: str) -> tuple[Together, Sequence[str]]:
        """The answer for a horse, and the keys of its photos' answers, in the order of these.

        Raises:
            Problem: it is no longer held, or one of its photos is not.
        """
        kept = self._together.find(key)
        answers = [self.answers.find(its) for its in kept.keys] if kept else []
        held = [answer for answer in answers if answer]
        if kept is None or len(held) < len(answers):
            raise Problem(Code.NO_LONGER_HELD)
        return Together(kept.prediction, [*held, *kept.unread]), kept.keys

    async def _open(self, given: Given, *, show: bool) -> tuple[pictures.Opened, int | None]:
        """The decoded photo, and its row in the data set; None if it is not there."""
        if given.row is not None:
            return await asyncio.to_thread(self._from_data_set, given.row, show=show), given.row
        opened = await self._decode(pictures.open_photo, given.body, self._how, show=show)
        digest = hashlib.sha256(given.body).hexdigest()
        if given.uploaded and self.keep_uploads:
            await asyncio.to_thread(_keep, self.keep_uploads / f"{digest}.{opened.suffix}", given.body)
        return opened, self.gallery.index.by_digest.get(digest) if self.gallery else None

    def _from_data_set(self, row: int, *, show: bool) -> pictures.Opened:
        """A photo of the data set, whose pixels are cached."""
        assert self.gallery is not None
        facts = self.gallery.known(row)
        shown = self.gallery.picture(row) if show else None
        return pictures.Opened(np.array(self.gallery.pixels[row]), facts.width, facts.height, shown)

    async def _decode(self, function: Callable[Asked, Made], /, *args: Asked.args, **named: Asked.kwargs) -> Made:
        """Call a function on uploaded bytes in another process, which is stopped when the request is cancelled.

        Raises:
            Problem: the bytes are not a picture, or no process can be started.
        """
        try:
            return await self._decoders.ask(function, *args, **named)
        except BrokenPicture as error:
            raise Problem(Code.NO_PICTURE, str(error)) from error
        except OSError as error:
            logger.warning("no process could be started to decode a photo", extra={"reason": str(error)})
            raise Problem(Code.BUSY, retry_after=5) from error

    async def look(self, answer: Answer) -> bytes:
        """The saliency map of an answer over its photo, as a JPEG; it is drawn once.

        Raises:
            Problem: too many maps are waiting.
        """
        if answer.looked_at is None:
            if self._drawing >= DRAWINGS:
                raise Problem(Code.BUSY, retry_after=2)
            self._drawing += 1
            try:
                loop = asyncio.get_running_loop()
                drawn = await loop.run_in_executor(self._drawers, self._draw, answer)
            finally:
                self._drawing -= 1
            answer.looked_at = drawn
        return answer.looked_at

    def _draw(self, answer: Answer) -> bytes:
        assert answer.shown is not None
        heat = saliency(self._predictor.network, answer.pixels[None], self._predictor.device)[0]
        return pictures.looked_at(answer.shown, heat, self._how)

    async def thumbnail(self, row: int) -> bytes:
        """A thumbnail of a photo of the data set.

        Raises:
            Problem: the row does not exist.
        """
        gallery = self.gallery
        if gallery is None or not 0 <= row < len(gallery):
            raise Problem(Code.NOT_FOUND)
        return await asyncio.to_thread(gallery.picture, row)

    async def collection_thumbnail(self, number: int) -> bytes:
        """A thumbnail of a photo of the collection.

        Raises:
            Problem: the photo does not exist or cannot be read, or the collection cannot be reached.
        """
        given = await self.of_collection(number)
        return await self._decode(pictures.thumbnail, given.body)


def _keep(path: Path, body: bytes) -> None:
    make_folder(path.parent)
    write_file(path, body)
