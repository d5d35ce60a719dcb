"""Groups photos of single requests into batches: the photos that arrive while the device is busy are its next batch."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

import numpy as np

MOST = 16  # photos in a batch

Result = TypeVar("Result")


class Batches(Generic[Result]):
    """One thread that computes batches. It does not wait for a batch to fill: a single photo starts at once."""

    def __init__(self, work: Callable[[np.ndarray], Sequence[Result]], most: int = MOST) -> None:
        self._work = work
        self._most = most
        self._waiting: deque[tuple[np.ndarray, asyncio.Future[Result]]] = deque()
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

    async def ask(self, pixels: np.ndarray) -> Result:
        """The result of the work for one photo's pixels."""
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((pixels, result))
        if self._busy is None or self._busy.done():
            self._busy = asyncio.create_task(self._work_through())
        return await result

    async def _work_through(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._take():
            try:
                found = await loop.run_in_executor(self._thread, self._work, np.stack([pixels for pixels, _ in batch]))
            except Exception as error:  # noqa: BLE001  # any error goes to the requests that wait for this batch
                for _, result in batch:
                    if not result.done():
                        result.set_exception(error)
                continue
            for (_, result), one in zip(batch, found, strict=True):
                if not result.done():  # a request may have been cancelled
                    result.set_result(one)

    def _take(self) -> list[tuple[np.ndarray, asyncio.Future[Result]]]:
        batch: list[tuple[np.ndarray, asyncio.Future[Result]]] = []
        while self._waiting and len(batch) < self._most:
            pixels, result = self._waiting.popleft()
            if not result.done():
                batch.append((pixels, result))
        return batch
