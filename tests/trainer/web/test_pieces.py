"""The parts that need no server: buckets, batches, kept answers, languages, names, and where a photo lies."""

import asyncio
import base64
import random
import threading
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from collector.web.search.names import as_key
from collector.web.server.answer_cache import MINUTES, MOST, AnswerCache
from collector.web.server.language import choose_language
from collector.web.server.limits import MOST_CLIENTS, Buckets, client_of
from collector.web.server.problems import Problem
from trainer.dataset.pixels import Preparation, fit, place_of
from trainer.inference.serving import Prediction
from trainer.web.answer import Answer
from trainer.web.batches import Batches
from trainer.web.forms import read_data


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 3)), max_size=50))
def test_no_client_ever_gets_more_than_the_burst_and_what_has_come_since(asks: list[tuple[float, float]]) -> None:
    buckets, now, taken = Buckets(2, 5), 0.0, 0.0
    for wait, cost in asks:
        now += wait
        if not buckets.take("one", cost, now):
            taken += cost
        assert taken <= 5 + 2 * now + 1e-6


def test_a_client_that_waits_as_asked_is_served_without_delaying_others() -> None:
    buckets = Buckets(2, 1)
    assert buckets.take("one", 1, 0) == 0
    wait = buckets.take("one", 1, 0)
    assert wait == 0.5
    assert buckets.take("other", 1, 0) == 0
    assert buckets.take("one", 1, wait) == 0


def test_clients_are_not_remembered_without_end() -> None:
    buckets = Buckets(1, 1)
    for number in range(MOST_CLIENTS + 10):
        buckets.take(str(number), 1, 0)
    assert len(buckets._held) == MOST_CLIENTS


def test_one_line_of_ipv6_is_one_client() -> None:
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:2") != client_of("2001:db8:0:1::1")
    assert client_of("::ffff:1.2.3.4") == client_of("1.2.3.4") == "1.2.3.4"
    assert client_of(None) == "?"


async def test_what_comes_while_the_device_is_busy_is_the_next_batch() -> None:
    sizes: list[int] = []
    threads = set[int]()
    gate = threading.Event()
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def work(pixels: np.ndarray) -> list[int]:
        sizes.append(len(pixels))
        loop.call_soon_threadsafe(begun.set)
        threads.add(threading.get_ident())
        gate.wait(5)
        return [int(one[0]) for one in pixels]

    async with Batches[int](work, most=4) as batches:
        first = asyncio.create_task(batches.ask(np.array([0])))
        await begun.wait()
        others = [asyncio.create_task(batches.ask(np.array([number]))) for number in range(1, 8)]
        await asyncio.sleep(0)
        others[1].cancel()  # no work is done for a cancelled request
        gate.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
    assert sizes == [1, 4, 2]
    assert len(threads) == 1
    assert [one for one in results if isinstance(one, int)] == [0, 1, 3, 4, 5, 6, 7]


async def test_a_failed_batch_fails_its_requests_and_the_next_goes_on() -> None:
    def work(pixels: np.ndarray) -> list[int]:
        if pixels.max() > 9:
            raise ValueError("too large")
        return [int(one[0]) for one in pixels]

    async with Batches[int](work, most=1) as batches:
        with pytest.raises(ValueError, match="too large"):
            await batches.ask(np.array([10]))
        assert await batches.ask(np.array([3])) == 3


def test_answers_are_held_for_some_minutes_and_not_without_end() -> None:
    now = [0.0]
    answers = AnswerCache(lambda: now[0])
    prediction = Prediction("", 0.5, 0.4, 0.6, None)
    answer = Answer(prediction, None, None, [], None, np.zeros(1), 1, 1, b"", "")
    first = answers.add(answer)
    assert answers.find(first) is answer
    assert answers.find("x" * 22) is None
    now[0] = 60 * MINUTES + 1
    assert answers.find(first) is None
    keys = [answers.add(answer) for _ in range(MOST + 1)]
    assert [answers.find(key) is answer for key in keys] == [False, *[True] * MOST]


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        (None, "", "en"), (None, "ja", "ja"), (None, "ja-JP,en;q=0.5", "ja"), (None, "en,ja;q=0.9", "en"),
        (None, "fr,ja;q=0.3,en;q=0.2", "ja"), (None, "de", "en"), ("en", "ja", "en"), ("ja", "en", "ja"),
        ("fr", "ja", "ja"), (None, "ja;q=x,,;;", "en"), (None, "en;q=0.1,ja;q=1.0", "ja"),
    ],
)  # fmt: skip
def test_a_reader_gets_the_language_that_is_asked_for_or_liked_best(
    asked: str | None, accepted: str, language: str
) -> None:
    assert choose_language(asked, accepted) == language


@given(st.text(max_size=100))
def test_any_accept_language_gives_a_language(accepted: str) -> None:
    assert choose_language(None, accepted) in ("en", "ja")


@pytest.mark.parametrize("written", ["スカイ", "すかい", "ｽｶｲ", " スカイ ", "スカい"])
def test_a_name_is_found_however_it_is_typed(written: str) -> None:
    assert as_key(written) == "スカイ"


def test_voiced_and_small_letters_are_the_same_letters() -> None:
    assert as_key("ゔぁーじっと") == as_key("ｳﾞｧｰｼﾞｯﾄ") == "ヴァージット"


@given(st.binary(max_size=200))
def test_bytes_come_back_from_base64_however_it_is_written(body: bytes) -> None:
    plain = base64.b64encode(body).decode()
    for word in (plain, plain.rstrip("="), base64.urlsafe_b64encode(body).decode(), f"data:image/png;base64,{plain}"):
        assert read_data(word) == body


@given(st.text(max_size=60))
def test_any_other_data_is_a_problem_and_not_a_crash(word: str) -> None:
    with suppress(Problem):
        assert isinstance(read_data(word), bytes)


def test_the_box_of_a_photo_within_its_pixels_is_exact() -> None:
    chance = random.Random(0)
    how = Preparation(48, 64)
    for _ in range(150):
        size = chance.randint(40, 300), chance.randint(40, 300)
        red = fit(Image.new("RGB", size, (255, 0, 0)), how)[..., 0] > 200
        rows, columns = np.where(red)
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert found == place_of(*size, how), size
