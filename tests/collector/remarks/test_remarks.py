"""What experts write of distance and of the build is read into claims and tags."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.codes import ClaimKind, Said
from collector.remarks.build import VOCABULARY
from collector.remarks.claim import Remark
from collector.remarks.plain import LONGEST
from collector.remarks.read import read_remark
from tests.paths import ROOT, SHARED

Facts = list[tuple[str, int | None, int | None]]
HERE = Path(__file__).parent
GIVEN = SHARED / "real" / "distance_phrases.tsv"
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def read_table(path: Path) -> list[list[str]]:
    """The lines of a table with tabs, without remarks."""
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


PHRASES = [(text, said, claims) for text, said, claims in read_table(HERE / "phrases.tsv")]
PIECES = [text for text, _, _ in PHRASES] + [
    "距離", "ではなく", "より", "、", "。", "が", "は", "父", "母の", "前走の", "1600m", "２０００ｍ", "～", "から",
    "マイル", "以上", "まで", "長い", "胴長", "の", "千", "問題ない", "ベスト", "\n",
]  # fmt: skip
remarks = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))


def facts(remark: Remark) -> Facts:
    """The claims without their places."""
    return [(claim.kind.value, claim.low_m, claim.high_m) for claim in remark.claims]


def expected(text: str) -> Facts:
    """`upper - 1600;class:mile` as claims."""
    found: Facts = []
    for claim in filter(None, text.split(";")):
        kind, low, high = [*claim.split(), "-", "-"][:3]
        found.append((kind, None if low == "-" else int(low), None if high == "-" else int(high)))
    return found


def test_each_phrase_makes_its_claims() -> None:
    read = {text: (facts(remark := read_remark(text)), remark.said.value) for text, _, _ in PHRASES}
    assert read == {text: (expected(claims), said) for text, said, claims in PHRASES}


@pytest.mark.skipif(not GIVEN.exists(), reason="the phrases that came with the task are not here")
def test_the_phrases_that_came_with_the_task_make_their_claims() -> None:
    for text, low, high, kind in read_table(GIVEN)[1:]:
        wanted = (
            [] if kind.startswith("none") else [(kind.split(" ")[0], *(int(m) if m else None for m in (low, high)))]
        )
        assert facts(read_remark(text)) == wanted, text


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("胴が長く、手脚もスラリと長い造り", ["胴長", "脚長"]),
        ("胴長で脚長、斜尻で曲飛", ["胴長", "脚長", "斜尻", "曲飛"]),
        ("胴が詰まって首が太い、コンパクトな馬体", ["胴詰まり", "首太", "コンパクト"]),
        ("繋ぎが短く立ち気味、トモに丸みがある", ["繋短", "トモ発達"]),
        ("胴長ではない。胴の詰まった感じはなく、脚は短くない", []),
        ("父は胴長だったが、本馬は寸が詰まっている", ["胴詰まり"]),
        ("父に似て胴長", ["胴長"]),
        ("長く脚を使う", []),
        ("均整のとれた好馬体で、低重心", ["均整", "低重心"]),
    ],
)
def test_words_of_the_build_become_tags(text: str, tags: list[str]) -> None:
    assert [tagged.tag for tagged in read_remark(text).tags] == tags


def test_every_word_of_the_vocabulary_is_read_as_itself() -> None:
    words = [word.tag for word in VOCABULARY]
    assert [[tagged.tag for tagged in read_remark(f"やや{word}の馬").tags] for word in words] == [[it] for it in words]


def test_what_is_read_names_the_words_that_it_comes_from() -> None:
    text = "胴が長く、１８００～２２００ｍくらいがベスト。"
    remark = read_remark(text)
    assert [text[one.start : one.end] for one in (*remark.tags, *remark.claims)] == [
        "胴が長く", "１８００～２２００ｍくらいがベスト",
    ]  # fmt: skip


@given(remarks)
def test_any_text_is_read_and_every_place_is_in_it(text: str) -> None:
    remark = read_remark(text)
    for one in (*remark.claims, *remark.tags):
        assert 0 <= one.start < one.end <= len(text)
        assert text[one.start : one.end].strip()
    assert (remark.said is Said.SAID) == bool(remark.claims)


@given(remarks)
def test_claims_of_metres_have_the_metres_that_their_kind_needs(text: str) -> None:
    for claim in read_remark(text).claims:
        metres = [m for m in (claim.low_m, claim.high_m) if m is not None]
        assert metres == sorted(metres)
        assert all(800 <= m <= 4300 for m in metres)
        exact = claim.kind in (ClaimKind.BEST_AROUND, ClaimKind.BEST_RANGE, ClaimKind.UPPER, ClaimKind.LOWER)
        assert bool(metres) == exact or claim.kind is ClaimKind.FINE_AT


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_wide_letters_say_the_same_as_narrow_ones(text: str) -> None:
    assert facts(read_remark(text.translate(FULL_WIDTH))) == facts(read_remark(text))


@given(st.sampled_from(PHRASES), st.sampled_from(["毛ヅヤがいい", "休み明けを一度使われた", "気合乗りも上々"]))
def test_another_sentence_changes_no_claim(phrase: tuple[str, str, str], other: str) -> None:
    text, _, claims = phrase
    assert facts(read_remark(f"{text}。{other}。")) == expected(claims)
    assert facts(read_remark(f"{other}。{text}。")) == expected(claims)


@pytest.mark.parametrize(
    "piece",
    ["距離", "父", "1600m、", "もう少し", "長い", "千", "～", "胴が", "ではなく", "距離がもう少し", "1600mから"],
)
def test_a_hostile_text_is_read_up_to_its_limit(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert all(claim.end <= LONGEST for claim in read_remark(text).claims)


def test_the_page_on_remarks_has_every_word_and_every_kind() -> None:
    page = (ROOT / "docs" / "remarks.md").read_text(encoding="utf-8")
    for word in VOCABULARY:
        assert f"| {word.tag} | {word.reading} | {word.english} | {word.meaning} |" in page
    assert [kind for kind in (*ClaimKind, *Said) if f"`{kind}`" not in page] == []
