"""Bytes are stored so that they come back as they were, and so that little is needed for them."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.demo.netkeiba import site as look_alike
from collector.demo.world.races import Races
from collector.demo.world.world import World
from collector.storage import dictionaries
from collector.storage.archive import WORTH_PACKING, Damaged, Packed, digest_of, pack, unpack, unpack_whole
from collector.storage.dictionaries import Dictionaries, train

HTML = "text/html; charset=euc-jp"


def results() -> list[bytes]:
    """Results of the look-alike's races."""
    world = World(years=range(2016, 2017), issues_per_year=4)
    days = [day for issue in world.issues(2016) for day in issue.race_days]
    races = [race for day in days for race in Races(world).on(day)]
    answers = [look_alike.answer_path(world, f"/race/{race.race_id}/", "") for race in races]
    return [answer.body for answer in answers if answer]


@pytest.fixture(scope="module")
def known() -> Dictionaries:
    """One dictionary, trained on a third of the results."""
    trained = train(results()[::3])
    assert trained is not None
    found = Dictionaries()
    found.add([(trained.dict_id, "netkeiba", "race_result", trained.dict_content)])
    return found


@given(st.binary(max_size=5000), st.sampled_from([HTML, "image/jpeg", "application/json"]))
def test_what_is_packed_comes_back_as_it_was(known: Dictionaries, body: bytes, media_type: str) -> None:
    for dictionary in (None, known.of_kind["netkeiba", "race_result"]):
        packed = pack(body, media_type, dictionary=dictionary)
        assert unpack(packed.content, packed.encoding, known.by_number) == body
        assert (packed.digest, packed.size) == (digest_of(body), len(body))


def test_a_page_like_others_costs_a_fraction_with_their_dictionary(known: Dictionaries) -> None:
    alone, together = 0, 0
    for body in results()[1::3]:
        alone += len(pack(body, HTML).content)
        together += len(pack(body, HTML, dictionary=known.of_kind["netkeiba", "race_result"]).content)
    assert together < alone / 2


def test_pictures_and_small_pages_stay_as_they_came() -> None:
    assert pack(bytes(90_000), "image/png") == Packed(digest_of(bytes(90_000)), "image/png", 90_000, "", bytes(90_000))
    assert pack(b"x" * (WORTH_PACKING - 1), HTML).encoding == ""
    assert pack(b"x" * WORTH_PACKING, HTML).encoding == "zstd"


def test_rows_of_earlier_versions_are_read() -> None:
    assert unpack(zlib.compress(b"page"), "zlib") == b"page"


@pytest.mark.parametrize("encoding", ["zlib", "zstd", "zstd:7"])
def test_damaged_bytes_are_named_as_such(encoding: str) -> None:
    with pytest.raises(Damaged):
        unpack(b"neither", encoding)
    assert unpack_whole(b"neither", encoding, digest_of(b"page")) is None


def test_bytes_of_another_page_are_not_taken_for_it() -> None:
    packed = pack(b"x" * 2000, HTML)
    assert unpack_whole(packed.content, packed.encoding, digest_of(b"y" * 2000)) is None


def test_a_page_whose_dictionary_is_missing_says_which(known: Dictionaries) -> None:
    packed = pack(results()[0], HTML, dictionary=known.of_kind["netkeiba", "race_result"])
    number = packed.encoding.partition(":")[2]
    with pytest.raises(Damaged, match=f"the dictionary {number} is missing"):
        unpack(packed.content, packed.encoding)


def test_another_process_reads_with_the_dictionaries_that_it_was_sent(known: Dictionaries) -> None:
    body = results()[0]
    packed = pack(body, HTML, dictionary=known.of_kind["netkeiba", "race_result"])
    assert unpack(packed.content, packed.encoding, dictionaries.known(known.contents)) == body


def test_too_few_pages_make_no_dictionary() -> None:
    assert train([]) is None
    assert train([b"x"]) is None
