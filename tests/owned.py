"""A person's own photos: a folder of pictures, and the table that says what they show."""

import csv
import io
import os
from pathlib import Path
from unicodedata import normalize

import psycopg
from PIL import Image

from collector.frontier.due import today
from collector.imports.identify import Places
from collector.imports.manifest import COLUMNS, read_manifest
from collector.imports.photo_files import check_files
from collector.imports.photos import PhotoImport, Show
from collector.imports.report import Report
from collector.settings import Settings
from collector.sources.registry import archived_sites
from collector.storage.archive import digest_of

RIGHTS = "all rights with the photographer"


def picture(number: int, form: str = "JPEG") -> bytes:
    """A small picture that no other number has, and that looks like no other."""
    shades = bytes((number * 37 + place * place * (number + 3)) % 256 for place in range(16 * 16))
    body = io.BytesIO()
    Image.frombytes("L", (16, 16), shades).resize((160, 120), Image.Resampling.NEAREST).save(body, form)
    return body.getvalue()


def row(file: str, horse: str, **other: str) -> dict[str, str]:
    """A line of a table."""
    return {
        "file": file,
        "horse": horse,
        "date": "2015-03-01",
        "race": "",
        "source": "Someone",
        "rights": RIGHTS,
    } | other


def table(rows: list[dict[str, str]]) -> bytes:
    """A table as a spreadsheet writes it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list[str](COLUMNS))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def write_photos(folder: Path, rows: list[dict[str, str]]) -> tuple[Path, Path]:
    """The folder with a picture for each line, and the table beside it."""
    photos = folder / "photos"
    for number, one in enumerate(rows):
        path = photos / one["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if not any(os.path.lexists(photos / normalize(form, one["file"])) for form in ("NFC", "NFD")):
            path.write_bytes(picture(number))
    manifest = folder / "photos.csv"
    manifest.write_bytes(table(rows))
    return photos, manifest


def show_nothing(_done: int, _total: int) -> None:
    """Not how far it is."""


async def bring_photos(
    conninfo: str, folder: Path, rows: list[dict[str, str]], *, dry_run: bool = False, show: Show = show_nothing
) -> Report:
    """Import the photos of a folder."""
    photos, path = write_photos(folder, rows)
    raw = path.read_bytes()
    manifest = read_manifest(raw, path.name, today())
    manifest.check()
    check_files(manifest, photos)
    places = Places(archived_sites(Settings()))
    report = Report(all_names=True)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        photo_import = PhotoImport(connection, photos, manifest, digest_of(raw), places, report, dry_run, show)
        return await photo_import.run()
