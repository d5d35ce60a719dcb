"""Files can be read again, with any content, and also by the programs that the formats are for."""

import csv
import json
import re
import tarfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import UsageError
from collector.storage.photo_ids import file_name
from tests.filled import fill
from trainer.dataset import card
from trainer.dataset.examples import COLUMNS, FACTS, LICENCE, Example, Side
from trainer.dataset.export import Request, export
from trainer.dataset.formats import Format, read_shard, shard_path, sheet_columns, write_shard
from trainer.dataset.manifest import Version
from trainer.labels.label import Label

KEYS = ("poll/distance", "results-after/wet_going")
LABEL = Label(1 / 3, None, None, 4, '{"left_px": 77, "right_px": 39}')
EXAMPLE = Example(
    photo="160104-01", source="keibado", issue_date=date(2016, 1, 4), horse_id="2012100001", horse_name="アオバノカゼ",
    sire=None, dam=None, damsire=None, sex="male", age=4, coat="鹿毛", trainer=None, remark=None, race_id=None,
    distance_said=None, claims=None, build_tags=None,
    race_name=None, race_class=None, grade=None, race_date=None, racecourse="東京", course=None, surface="turf",
    distance=1600, going=None, weather=None, jockey=None, carried_weight=57.0, horse_weight=480, horse_weight_change=-4,
    odds=None, favorite_rank=None, finish_position=None, finish_time=None, match_rule="name_and_race", certainty=None,
    taken_at=None, camera=None, burst=None, head_turned=False,
    labels={KEYS[0]: LABEL, KEYS[1]: None},
    page_url="http://old.keibado.ne.jp/160104/01.html", image_url="http://old.keibado.ne.jp/160104/01.jpg",
    origin=None, fetched_at=datetime(2026, 11, 1, 12, 0, tzinfo=UTC), digest="0" * 64, media_type="image/jpeg",
    width=304, height=228, near_duplicate_of=None, group="160104-01", licence=LICENCE,
)  # fmt: skip

# Any text that Postgres can hold, with more of the characters that are difficult in files.
AWKWARD = [",", '"', "\n", "\r", "'", "\\", "アオバ", "，", "\u2028", " ", "None", "NA", "#"]
TEXT = st.lists(st.sampled_from(AWKWARD), min_size=1).map("".join) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12
)
NUMBER = st.integers(-(2**31), 2**31 - 1)
DAY = st.dates(date(1, 1, 1), date(9999, 12, 31))
MOMENT = st.datetimes(datetime(1678, 1, 1), datetime(2261, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT, int: NUMBER, float: st.floats(0, 1), date: DAY, datetime: MOMENT,
    str | None: st.none() | TEXT, int | None: st.none() | NUMBER, date | None: st.none() | DAY,
    float | None: st.none() | st.floats(0, 1), datetime | None: st.none() | MOMENT, bool: st.booleans(),
}  # fmt: skip
LABELS = st.builds(Label, **{name: VALUES[kind] for name, kind in Label.__annotations__.items()})
FIXED = ("photo", "media_type")  # they name the files
EXAMPLES = st.builds(
    replace,
    st.just(EXAMPLE),
    labels=st.fixed_dictionaries({name: st.none() | LABELS for name in KEYS}),
    **{name: VALUES[Example.__annotations__[name]] for name in FACTS if name not in FIXED},
)


@settings(max_examples=40)
@given(st.lists(st.tuples(EXAMPLES, st.binary(max_size=40)), min_size=1, max_size=4))
@pytest.mark.parametrize("kind", Format)
def test_what_is_written_is_read_back_the_same(kind: Format, items: list[tuple[Example, bytes]]) -> None:
    named = [(replace(one, photo=f"160104-{number:02}"), body) for number, (one, body) in enumerate(items, 1)]
    with TemporaryDirectory() as folder:
        path = Path(folder, shard_path(kind, Side.TRAIN, 0, 1))
        write_shard(kind, path, named, KEYS)
        assert list(read_shard(kind, path)) == [(example.plain(), body) for example, body in named]
        facts = [(example.plain(), b"") for example, _ in named]
        assert list(read_shard(kind, path, pictures=False)) == facts


@pytest.mark.parametrize("kind", Format)
def test_a_shard_that_cannot_be_written_leaves_nothing(kind: Format, tmp_path: Path) -> None:
    def broken() -> Any:
        yield EXAMPLE, b"body"
        raise OSError(28, "No space left on device")

    path = tmp_path / shard_path(kind, Side.TEST, 0, 1)
    with pytest.raises(OSError, match="No space"):
        write_shard(kind, path, broken(), KEYS)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("kind", Format)
@pytest.mark.parametrize("pictures", [True, False])
def test_a_damaged_shard_is_one_sentence_wherever_it_was_cut(kind: Format, pictures: bool, tmp_path: Path) -> None:
    path = tmp_path / shard_path(kind, Side.TEST, 0, 1)
    write_shard(
        kind, path, [(replace(EXAMPLE, photo=f"160104-{number:02}"), b"body" * 400) for number in range(9)], KEYS
    )
    file = path / "metadata.parquet" if kind is Format.IMAGEFOLDER else path
    whole = file.read_bytes()
    for kept in (0, 1, 100, 512, len(whole) // 2, len(whole) // 2 // 512 * 512):
        file.write_bytes(whole[:kept])
        with pytest.raises(UsageError, match=r"^[^\n]*is damaged [^\n]*`trainer dataset verify`[^\n]*$"):
            list(read_shard(kind, path, pictures=pictures))
    file.unlink()
    with pytest.raises(UsageError, match="is damaged"):
        list(read_shard(kind, path, pictures=pictures))


@pytest.mark.parametrize(("kind", "name"), [("image/png", "png"), ("image/gif", "gif"), ("image/webp", "webp")])
def test_a_file_is_called_what_it_is(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "data" / "x.tar"
    write_shard(Format.WEBDATASET, path, [(replace(EXAMPLE, media_type=kind), b"body")], KEYS)
    with tarfile.open(path) as tar:
        assert tar.getnames() == [f"160104-01.{name}", "160104-01.json"]


@pytest.fixture(autouse=True)
def _without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """They cost a second, and are not what is asked here."""
    monkeypatch.setattr(card, "draw_plots", lambda *_: None)


def _exported(conninfo: str, tmp_path: Path, kind: Format) -> tuple[Version, dict[str, dict[str, Any]]]:
    """A version of this format, and its examples by photo."""
    fill(conninfo)
    version = export(conninfo, tmp_path / "datasets", Request(format=kind))
    return version, {
        row["photo"]: row | {"side": shard.side, "body": body}
        for shard in version.manifest.shards
        for row, body in read_shard(kind, version.folder / shard.path)
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [Format.PARQUET, Format.IMAGEFOLDER])
def test_datasets_opens_it_offline_with_sides_and_pictures(
    conninfo: str, tmp_path: Path, kind: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    version, held = _exported(conninfo, tmp_path, kind)
    data: Any = load_dataset(str(version.folder), cache_dir=str(tmp_path / "cache"))
    sides = {side: count for side, count in version.manifest.photos.items() if count}
    assert {side: len(rows) for side, rows in data.items()} == sides
    for side, rows in data.items():
        for row in rows:
            key = row["photo"]
            assert (held[key]["side"], held[key]["labels"]) == (side, row["labels"])
            assert row["image"].size == (held[key]["width"], held[key]["height"])
            assert row["horse_name"] == held[key]["horse_name"]
    first = next(iter(data["train"]))
    assert type(first["image"]).__name__ == "JpegImageFile"
    assert first["horse_id"] == held[first["photo"]]["horse_id"]
    assert first["issue_date"] == held[first["photo"]]["issue_date"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", Format)
def test_the_cards_own_words_open_it_also_where_a_fact_comes_late(
    conninfo: str, tmp_path: Path, kind: Format, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    fill(conninfo)
    with psycopg.connect(conninfo) as connection:  # the sire of the last photo alone is known, or of none
        connection.execute("UPDATE horse SET sire = NULL")
        connection.execute("UPDATE photo SET pedigree = '{}'")
        if late:
            last = "(SELECT max(id) FROM photo WHERE digest IS NOT NULL)"
            connection.execute(f"UPDATE photo SET pedigree = ARRAY['カゼノチチ'] WHERE id = {last}".encode())
    version = export(conninfo, tmp_path / "datasets", Request(format=kind))
    card_text = (version.folder / "README.md").read_text()
    (words,) = re.findall(r"```python\n(.*?)```", card_text, re.DOTALL)
    known: dict[str, Any] = {}
    exec(words.replace("path/to/this/folder", str(version.folder)), known)
    rows = [row.get("json", row) | {"size": picture_of(row).size} for side in known["data"].values() for row in side]
    assert len(rows) == sum(version.manifest.photos.values())
    assert {row["sire"] for row in rows} <= {None, "カゼノチチ"}
    assert all(row["size"] == (row["width"], row["height"]) for row in rows)


def picture_of(row: dict[str, Any]) -> Any:
    """A row's picture, under whichever name."""
    return next(row[name] for name in ("image", "jpg", "png", "gif", "webp") if row.get(name) is not None)


@pytest.mark.filterwarnings("ignore")
def test_webdataset_streams_its_shards(conninfo: str, tmp_path: Path) -> None:
    from webdataset.compat import WebDataset

    version, held = _exported(conninfo, tmp_path, Format.WEBDATASET)
    paths = [str(version.folder / shard.path) for shard in version.manifest.shards]
    stream: Any = WebDataset(paths, shardshuffle=False, empty_check=False)
    samples: list[Any] = list(stream.decode("pil"))
    by_file = {file_name(photo): row for photo, row in held.items()}
    assert {sample["__key__"] for sample in samples} == by_file.keys()
    for sample in samples:
        row = by_file[sample["__key__"]]
        assert sample["jpg"].size == (row["width"], row["height"])
        assert sample["json"]["labels"] == row["labels"]
        assert sample["json"]["horse_name"] == row["horse_name"]


@pytest.mark.filterwarnings("ignore")
def test_mlcroissant_finds_nothing_wrong_and_reads_the_records(conninfo: str, tmp_path: Path) -> None:
    import mlcroissant as mlc

    version, held = _exported(conninfo, tmp_path, Format.PARQUET)
    data = mlc.Dataset(str(version.folder / "croissant.json"))
    assert not data.metadata.ctx.issues.errors
    assert [shard.path for shard in version.manifest.shards] == [str(file.name) for file in data.metadata.distribution]
    name = f"{Path(version.manifest.shards[-1].path).stem}"
    records = list(data.records(name))
    assert len(records) == version.manifest.shards[-1].photos
    for record in records:
        photo = record[f"{name}/photo"].decode()
        label = record[f"{name}/poll/distance"]
        assert label[f"{name}/poll/distance/value"] == held[photo]["labels"]["poll/distance"]["value"]
        assert record[f"{name}/horse_name"].decode() == held[photo]["horse_name"]


def test_people_can_open_an_image_folders_sheet(tmp_path: Path) -> None:
    odd = replace(EXAMPLE, horse_name='ア,"バ"\r\nノカゼ', sire=None)
    write_shard(Format.IMAGEFOLDER, tmp_path / "train" / "00000", [(odd, b"body")], KEYS)
    with (tmp_path / "train" / "00000" / "photos.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == ["file_name", *sheet_columns(KEYS)]
    assert (row["file_name"], row["horse_name"], row["sire"]) == ("160104-01.jpg", odd.horse_name, "")
    assert (float(row["poll/distance value"]), row["poll/distance n"], row["issue_date"]) == (1 / 3, "4", "2016-01-04")
    assert row["results-after/wet_going value"] == ""


def test_parquet_says_to_readers_what_its_columns_are(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_shard(Format.PARQUET, path, [(EXAMPLE, b"body")] * 250, KEYS)
    held = pq.read_metadata(path)
    assert held.num_row_groups == 3
    features = json.loads(held.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == ["image", *COLUMNS]
    assert features["image"] == {"_type": "Image"}
    assert features["labels"]["poll/distance"]["n"] == {"dtype": "int32", "_type": "Value"}
