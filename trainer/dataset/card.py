"""A data set's card: README.md with plots, and Croissant metadata. They describe the content of the data set."""

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.console.wording import counted
from collector.errors import BrokenPicture
from collector.storage.decoders import decoders
from collector.storage.racing import MIDDLE, MILE, SPRINT, Kind
from trainer.dataset.croissant import describe
from trainer.dataset.datasheet import datasheet, licence_page, short_licence
from trainer.dataset.examples import LICENCE, Side, why_skipped
from trainer.dataset.formats import EXTENSIONS, Format, label_types, read_shard, written_types
from trainer.dataset.label_card import dictionary, label_section
from trainer.dataset.manifest import Manifest, digest_of
from trainer.dataset.own import Own
from trainer.dataset.pixels import Preparation, prepare
from trainer.dataset.stated import stated_section
from trainer.directories import write_file
from trainer.labels.survey import Survey
from trainer.labels.survey_page import page

SHOWN = 12  # photos in the grid of examples
BOUNDARIES = (SPRINT, MILE, MIDDLE)  # drawn in the histogram of labels
THUMBNAIL = Preparation(150, 200)


@dataclass(frozen=True, slots=True)
class Seen:
    """The numbers behind the plots."""

    labels: dict[Side, list[float]]
    years: Counter[int]  # photos by the year
    horses: Counter[int]  # horses by their number of photos


def write_card(folder: Path, manifest: Manifest, seen: Seen, survey: Survey, own: Own | None = None) -> dict[str, str]:
    """Write README.md, its plots, labels.md and croissant.json beside the shards; of one's own photos also LICENSE and
    DATASHEET.md. Returns the digests by path."""
    draw_plots(folder, manifest, seen)
    pages = {"README.md": _readme(manifest, own)}
    if manifest.labels:
        pages["labels.md"] = page(survey, ())
    if own:
        pages |= {"LICENSE": licence_page(manifest, own), "DATASHEET.md": datasheet(manifest, own)}
    pages["croissant.json"] = json.dumps(describe(manifest, own), ensure_ascii=False, indent=1) + "\n"
    for name, text in pages.items():
        write_file(folder / name, text)
    written = [*map(folder.joinpath, pages), *sorted((folder / "plots").glob("*.png"))]
    return {path.relative_to(folder).as_posix(): digest_of(path) for path in written}


def draw_plots(folder: Path, manifest: Manifest, seen: Seen) -> None:
    """Draw the labels of each side, photos a year, photos a horse, and some of the photos."""
    from trainer.plots import bars, grid, histogram, save  # imports matplotlib, which takes half a second

    plots = folder / "plots"
    plots.mkdir(exist_ok=True)
    labels: dict[str, list[float]] = {side: values for side, values in seen.labels.items() if values}
    if manifest.labels:
        save(histogram(labels, BOUNDARIES if manifest.kinds else ()), plots / "labels.png")
    save(bars(dict(sorted(seen.years.items())), "photos", "year"), plots / "years.png")
    save(bars(dict(sorted(seen.horses.items())), "horses", "photos of one horse"), plots / "horses.png")
    save(grid(list(_examples(folder, manifest))), plots / "examples.png")


def _examples(folder: Path, manifest: Manifest) -> Iterable[tuple[Any, str]]:
    left, key = SHOWN, manifest.labels[0].key if manifest.labels else ""
    for shard in manifest.shards[:1]:
        for row, body in read_shard(Format(manifest.format), folder / shard.path):
            if left == 0:
                return
            with suppress(BrokenPicture):
                yield decoders().run(prepare, body, THUMBNAIL), f"{row['photo']}  {_shown(row, key)}"
                left -= 1


def _shown(row: dict[str, Any], key: str) -> str:
    label = row["labels"].get(key)
    return f"{label['value']:.2f}" if label else ""


def _readme(manifest: Manifest, own: Own | None) -> str:
    sides = [side for side in Side if manifest.photos[side]]
    files = {side: _pattern(Format(manifest.format), side) for side in sides}
    head = "\n".join(f"  - split: {side}\n    path: {path}" for side, path in files.items())
    left_out = "\n".join(f"| {why_skipped(code)} | {count} |" for code, count in sorted(manifest.left_out.items()))
    labelled = bool(manifest.labels)
    return CARD.format(
        licence_head=HEAD_OF_OWN.format(own.licence.spdx.lower()) if own else PRIVATE,
        head=head,
        features=_features(manifest) if manifest.format == Format.WEBDATASET else "",
        m=manifest,
        photos=counted(sum(manifest.photos.values()), "photo"),
        horses=counted(manifest.horses_in_all, "horse"),
        table=_table(manifest, sides),
        left_out=left_out or "| nothing | 0 |",
        leaks=_leaks(manifest),
        rule=RULES.get(manifest.split, "A file of the user's own named the sides."),
        types=TYPES if manifest.kinds else "",
        query=", ".join(f"{key} {value}" for key, value in manifest.query.items() if value != {}),
        each="" if own else ", each with at least one of the labels below",
        newest_label=f"; newest label: {manifest.newest_label}" if labelled else "",
        labels=f"{label_section(manifest)}\n\n{SURE}" if labelled else NO_LABELS,
        drawn="![Labels by side](plots/labels.png)\n" if labelled else "",
        without="" if own else WITHOUT,
        dictionary=dictionary(manifest),
        licence=short_licence(manifest, own) if own else f"{LICENCE} {SOURCE}",
        sources=_sources(manifest),
        stated=f"\n\n{stated}" if (stated := stated_section(manifest.stated, sum(manifest.photos.values()))) else "",
        shape=SHAPE if manifest.format == Format.WEBDATASET else "",
    )


def _sources(manifest: Manifest) -> str:
    rows = ["| source | terms | of | read on | copying | with a permission |", "|---|---|---|---|---|---|"]
    for one in manifest.sources:
        terms = one["terms"] or {"summary": "not known: the source is not installed"}
        words = f"[{terms['summary']}]({terms['url']})" if terms.get("url") else terms["summary"]
        facts = (terms.get(name) or "-" for name in ("dated", "read_on", "copying"))
        cells = [cell.replace("|", r"\|") for cell in (one["title"], words, *facts, one["permission"] or "-")]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _table(manifest: Manifest, sides: Iterable[Side]) -> str:
    kinds = list(Kind) if manifest.kinds else []  # only the distance axis has types
    rows = [["side", "photos", "horses", *kinds], ["---"] + ["--:"] * (2 + len(kinds))]
    for side in sides:
        counts = [manifest.photos[side], manifest.horses[side], *(manifest.kinds[side][kind] for kind in kinds)]
        rows.append([side, *map(str, counts)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _features(manifest: Manifest) -> str:
    """The column types of a WebDataset for `datasets`, which would guess them from the first photos."""
    keys = [label.key for label in manifest.labels]
    lines = [f"  - name: {extension}\n    dtype: image" for extension in EXTENSIONS.values()]
    facts = "\n".join(
        f"    - name: {name}\n      dtype: {dtype}" for name, dtype in written_types(manifest.facts).items()
    )
    parts = "\n".join(f"        - name: {name}\n          dtype: {dtype}" for name, dtype in label_types().items())
    labels = "\n".join(f"      - name: {key}\n        struct:\n{parts}" for key in keys)
    facts += f"\n    - name: labels\n      struct:\n{labels}" if keys else ""
    return "dataset_info:\n  features:\n" + "\n".join(lines) + f"\n  - name: json\n    struct:\n{facts}\n"


def _pattern(kind: Format, side: str) -> str:
    return f"{side}/**" if kind is Format.IMAGEFOLDER else f"data/{side}-*"


def _leaks(manifest: Manifest) -> str:
    leaks = manifest.leaks
    said = [
        f"- horses on more than one side: **{leaks['horses']}**",
        f"- photos outside training of a horse that is in training: **{leaks['photos']}**",
        f"- photos of which a copy is on another side, also a cropped or mirrored one: **{leaks['near_duplicates']}**",
        f"- training photos taken after the first test photo: {leaks['later']} (they share its time, not its horses)",
    ]
    if leaks["horses"] or leaks["near_duplicates"]:
        said.append(
            "\n**Errors on this split are too optimistic:** a model can know a test horse's label from another photo. "
            "`trainer evaluate --split test` shows the error with and without such photos."
        )
    return "\n".join(said)


RULES = {
    "horse": "By horse and by time: the horses whose first photo is newest are for the test, those before them for "
    "validation; a tenth of the others (train_dev) is not used for training. Copies of a photo (encoded again, "
    "made smaller, cropped, mirrored) are on the same side.",
    "issues-2016": "By issue, as the first attempt at this problem (2017) did: test is the issues 160328, 160502, "
    "160606, 160627, 161003, 161024, 161031 and 161121, validation the rest of 2016, train everything else.",
}

PRIVATE = "license: other\nlicense_name: private-study-only"
HEAD_OF_OWN = "license: {}"
SOURCE = "Every example has its page, its address, the time of the fetch, and its digest."
SURE = "`labels.md` says how reliable they are and how far they agree."
NO_LABELS = "None: labels come from other people's opinions and records. `trainer export --label NAME` asks for some."
WITHOUT = "Photos without any of the labels are left out and counted above.\n"
TYPES = "Types: sprint under 0.2, mile under 0.4, middle under 0.6, long from 0.6 on.\n"
SHAPE = """
A row has the columns under `json`, and the photo under the suffix of its file (`jpg`, `png`, `gif`, `webp`, `avif` or
`heic`).
"""
CARD = """---
pretty_name: {m.name} {m.version}
{licence_head}
task_categories: [image-classification]
language: [ja]
configs:
- config_name: default
  data_files:
{head}
{features}---

# Paddock photos, version {m.version}

{photos} of {horses}{each}.
Newest photo: {m.newest_photo}{newest_label}. Settings: {query}.

**Licence.** {licence}

## Sources

What their keepers allow, in our words. Labels and facts of races come from pages, too.

{sources}{stated}

## Labels

{labels}

## Sides

{rule}

{table}

{drawn}![Photos a year](plots/years.png)
![Photos a horse](plots/horses.png)
![Examples](plots/examples.png)

## Leakage check

{leaks}

## Left out

| why | photos |
|---|--:|
{left_out}

## Reading it

```python
from datasets import load_dataset
data = load_dataset("path/to/this/folder")
```
{shape}
{types}{without}`croissant.json` describes the data set for programs; `manifest.json` has the digest of every other
file, and `trainer dataset verify` compares them.

## Columns

{dictionary}
"""
