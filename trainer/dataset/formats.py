"""The files of a data set: writing and reading Parquet, image folders and WebDataset shards."""

import csv
import errno
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from collector.errors import UsageError
from collector.storage.photo_ids import file_name
from trainer.dataset.examples import COLUMNS, FACTS, Example
from trainer.dataset.older import modern_row
from trainer.labels.label import Label

TABLE, SHEET = "metadata.parquet", "photos.csv"  # of an image folder: for `datasets`, and for people
ROWS = 100  # photos a row group, which is the unit that is written and read
PAGE = 8 << 20  # bytes; so large that the pictures of a row group need few pages
EXTENSIONS = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif",
    "image/heic": "heic",
}  # fmt: skip
END = bytes(2 * tarfile.BLOCKSIZE)  # of a tar
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MOMENT = pa.timestamp("us", "UTC")
TYPES: dict[Any, pa.DataType] = {
    str: pa.string(), int: pa.int32(), float: pa.float64(), date: pa.date32(), datetime: MOMENT, bool: pa.bool_(),
    str | None: pa.string(), int | None: pa.int32(), float | None: pa.float64(), date | None: pa.date32(),
    datetime | None: MOMENT,
}  # fmt: skip
NAMES = {
    pa.string(): "string", pa.int32(): "int32", pa.float64(): "float64", pa.date32(): "date32", pa.bool_(): "bool",
}  # fmt: skip

Item = tuple[Example, bytes]


class Format(StrEnum):
    """The file format of a data set."""

    PARQUET = "parquet"
    IMAGEFOLDER = "imagefolder"
    WEBDATASET = "webdataset"


def photo_file(example: Example) -> str:
    """The file name of a photo."""
    return f"{file_name(example.photo)}.{EXTENSIONS[example.media_type]}"


def _types() -> dict[str, pa.DataType]:
    return {name: TYPES[Example.__annotations__[name]] for name in FACTS}


PLAIN = _types()  # the types of all columns but `labels`
LABEL = pa.struct([(name, TYPES[kind]) for name, kind in Label.__annotations__.items()])


def columns_of(labels: Sequence[str], facts: Sequence[str]) -> list[str]:
    """The columns that are written, in their order; without labels there is no column of them."""
    return [name for name in COLUMNS if name in facts or (name == "labels" and labels)]


def schema_of(labels: Sequence[str], facts: Sequence[str] = FACTS) -> pa.Schema:
    """The schema of a Parquet shard with these labels. `datasets` reads its metadata and decodes the pictures."""
    own = pa.struct([(name, LABEL) for name in labels])
    written = (pa.field(name, PLAIN.get(name, own)) for name in columns_of(labels, facts))
    columns = [pa.field("image", IMAGE), *written]
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features |= {column.name: _feature(column.type) for column in columns[1:]}
    return pa.schema(columns, {"huggingface": json.dumps({"info": {"features": features}})})


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {kind.field(number).name: _feature(kind.field(number).type) for number in range(kind.num_fields)}
    return {"dtype": "timestamp[us, tz=UTC]" if kind == MOMENT else NAMES[kind], "_type": "Value"}


def _write_parquet(path: Path, items: Iterable[Item], labels: Sequence[str], facts: Sequence[str]) -> None:
    schema = schema_of(labels, facts)
    # Pictures are compressed already, and a dictionary or statistics of them would only make the file larger.
    options: dict[str, Any] = {"compression": {"image.bytes": "none"} | dict.fromkeys(facts, "snappy")}
    options["use_dictionary"] = [name for name in facts if PLAIN[name] != pa.bool_()]
    options["write_statistics"] = list(facts)
    options["data_page_size"] = PAGE
    with pq.ParquetWriter(path, schema, **options) as writer:
        for batch in batched(items, ROWS):
            pictures = pa.array([{"bytes": body, "path": photo_file(example)} for example, body in batch], IMAGE)
            columns = _as_arrays([example for example, _ in batch], schema)
            writer.write_batch(pa.record_batch([pictures, *columns], schema=schema))


def _as_arrays(examples: Sequence[Example], schema: pa.Schema) -> list[pa.Array]:
    rows = [example.plain() for example in examples]
    return [pa.array([row[name] for row in rows], schema.field(name).type) for name in schema.names[1:]]


def _write_folder(path: Path, items: Iterable[Item], labels: Sequence[str], facts: Sequence[str]) -> None:
    """Write photos, a Parquet table with column types for programs, and the same table as CSV for people."""
    path.mkdir()
    examples: list[Example] = []
    for example, body in items:
        (path / photo_file(example)).write_bytes(body)
        examples.append(example)
    names = pa.array(map(photo_file, examples), pa.string())
    schema = schema_of(labels, facts)
    whole = pa.schema([pa.field("file_name", pa.string()), *list(schema)[1:]])
    pq.write_table(pa.table([names, *_as_arrays(examples, schema)], schema=whole), path / TABLE, compression="zstd")
    with (path / SHEET).open("w", newline="", encoding="utf-8") as file:
        # Quoted, because an unquoted carriage return would end the line.
        columns = ("file_name", *sheet_columns(labels, facts))
        sheet = csv.DictWriter(file, columns, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        sheet.writeheader()
        written = columns_of(labels, facts)
        sheet.writerows({"file_name": photo_file(example)} | _as_cells(example, written) for example in examples)


def sheet_columns(labels: Sequence[str], facts: Sequence[str] = FACTS) -> list[str]:
    """The columns of the table for people: each label has a column for its value and for what is known of it."""
    its = [f"{name} {part}" for name in labels for part in Label.__annotations__]
    return [part for name in columns_of(labels, facts) for part in (its if name == "labels" else [name])]


def _as_cells(example: Example, columns: Sequence[str]) -> dict[str, Any]:
    facts = _as_text(example, columns)
    labels = facts.pop("labels", {})
    return facts | {
        f"{name} {part}": label and label[part] for name, label in labels.items() for part in Label.__annotations__
    }


def _write_tar(path: Path, items: Iterable[Item], labels: Sequence[str], facts: Sequence[str]) -> None:
    columns = columns_of(labels, facts)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for example, body in items:
            said = json.dumps(_as_text(example, columns), ensure_ascii=False).encode()
            for name, content in ((photo_file(example), body), (f"{file_name(example.photo)}.json", said)):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))


def _as_text(example: Example, columns: Sequence[str]) -> dict[str, Any]:
    plain = example.plain()
    facts = {name: plain[name] for name in columns}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()}


def written_types(facts: Sequence[str]) -> dict[str, str]:
    """The types of the columns of one value in JSON, where dates and times are text."""
    plain = {name: NAMES.get(PLAIN[name], "string") for name in facts}
    return {name: "string" if dtype == "date32" else dtype for name, dtype in plain.items()}


def label_types() -> dict[str, str]:
    """The types of the parts of a label."""
    return {name: NAMES[TYPES[kind]] for name, kind in Label.__annotations__.items()}


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The items in lists of up to `size`."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


WRITERS: dict[Format, Callable[[Path, Iterable[Item], Sequence[str], Sequence[str]], None]] = {
    Format.PARQUET: _write_parquet, Format.IMAGEFOLDER: _write_folder, Format.WEBDATASET: _write_tar,
}  # fmt: skip


def shard_path(kind: Format, side: str, number: int, of: int) -> str:
    """The path of a shard within its version's folder."""
    if kind is Format.IMAGEFOLDER:
        return f"{side}/{number:05}"
    return f"data/{side}-{number:05}-of-{of:05}.{'tar' if kind is Format.WEBDATASET else 'parquet'}"


def write_shard(
    kind: Format, path: Path, items: Iterable[Item], labels: Sequence[str], facts: Sequence[str] = FACTS
) -> None:
    """Write a shard atomically, of each example these facts; it has all of these labels, or None for one.

    Raises:
        OSError: it cannot be written (a full disk); no part of it is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    _remove(part)
    try:
        WRITERS[kind](part, items, labels, facts)
        _remove(path)  # an image folder that was complete but not in the journal when its export was killed
        part.replace(path)
    except BaseException:
        _remove(part)
        raise


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


# --- reading ----------------------------------------------------------------------------------------------


def read_shard(kind: Format, path: Path, *, pictures: bool = True) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The examples of a shard as rows, with the photos' bytes (empty without `pictures`).

    Raises:
        UsageError: the shard is damaged or missing; the message names the file.
    """
    try:
        for row, body in READERS[kind](path, pictures):
            yield modern_row(row, COLUMNS), body
    except (OSError, ValueError, TypeError, KeyError, tarfile.TarError, pa.ArrowException) as error:
        # Errors of the operating system have an errno; without one, Arrow cannot read the bytes.
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT, errno.EISDIR, errno.ENOTDIR):
            raise
        reason = (str(error) or type(error).__name__).strip().splitlines()[0].rstrip(".")
        raise UsageError(
            f"{path} is damaged ({reason}); `trainer dataset verify` lists all damaged files of its version."
        ) from error


def _read_parquet(path: Path, pictures: bool) -> Iterator[tuple[dict[str, Any], bytes]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS, columns=None if pictures else _columns(file)):
            for row in batch.to_pylist():
                image = row.pop("image", None)
                yield row, image["bytes"] if image else b""


def _columns(file: pq.ParquetFile) -> list[str]:
    """The columns of a file without its pictures."""
    return [name for name in file.schema_arrow.names if name != "image"]


def _read_folder(path: Path, pictures: bool) -> Iterator[tuple[dict[str, Any], bytes]]:
    with pq.ParquetFile(path / TABLE) as file:
        for batch in file.iter_batches(ROWS):
            for row in batch.to_pylist():
                name = row.pop("file_name")
                yield row, (path / name).read_bytes() if pictures else b""


def _read_tar(path: Path, pictures: bool) -> Iterator[tuple[dict[str, Any], bytes]]:
    with tarfile.open(path) as tar:
        body = b""
        for entry in tar:
            content = tar.extractfile(entry)
            if content and entry.name.endswith(".json"):
                yield _from_text(json.load(content)), body
            elif content and pictures:
                body = content.read()
    # A tar that is cut off between two files can be read to its end; only the zeros at its end are missing.
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(END)))
        if file.read() != END:
            raise tarfile.ReadError("it is cut off")


def _from_text(row: dict[str, Any]) -> dict[str, Any]:
    """Convert the JSON values of a row to the types of their columns."""
    readers = {
        pa.int32(): int, pa.float64(): float, pa.bool_(): bool, pa.date32(): date.fromisoformat,
        MOMENT: datetime.fromisoformat,
    }  # fmt: skip
    kept = {name: value for name, value in row.items() if name not in PLAIN}  # `labels`, and what older ones had
    plain = {name: value for name, value in row.items() if name in PLAIN}
    return kept | {
        name: None if value is None else readers.get(PLAIN[name], str)(value) for name, value in plain.items()
    }


READERS = {Format.PARQUET: _read_parquet, Format.IMAGEFOLDER: _read_folder, Format.WEBDATASET: _read_tar}
