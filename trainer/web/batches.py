"""Photos come one by one and are answered together: whatever has come while the device was busy is its next batch."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

import numpy as np

MOST = 16  # photos at once

Told = TypeVar("Told")


class Batches(Generic[Told]):
    """One thread that works on batches. Nobody waits for a batch to fill: a photo alone goes at once."""

    def __init__(self, work: Callable[[np.ndarray], Sequence[Told]], most: int = MOST) -> None:
        self._work = work
        self._most = most
        self._waiting: deque[tuple[np.ndarray, asyncio.Future[Told]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="device")
        self._busy: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._busy:
            await self._busy
        self._thread.shutdown()

    async def ask(self, pixels: np.ndarray) -> Told:
        """What the work makes of one photo's pixels."""
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((pixels, told))
        if self._busy is None or self._busy.done():
            self._busy = asyncio.create_task(self._work_off())
        return await told

    async def _work_off(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._take():
            try:
                found = await loop.run_in_executor(self._thread, self._work, np.stack([pixels for pixels, _ in batch]))
            except Exception as error:  # noqa: BLE001  # whatever it was, those who wait for it have to know
                for _, told in batch:
                    if not told.done():
                        told.set_exception(error)
                continue
            for (_, told), one in zip(batch, found, strict=True):
                if not told.done():  # whoever asked may have gone
                    told.set_result(one)

    def _take(self) -> list[tuple[np.ndarray, asyncio.Future[Told]]]:
        batch: list[tuple[np.ndarray, asyncio.Future[Told]]] = []
        while self._waiting and len(batch) < self._most:
            pixels, told = self._waiting.popleft()
            if not told.done():
                batch.append((pixels, told))
        return batch
