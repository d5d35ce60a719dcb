"""Croissant 1.0 metadata (mlcommons.org/croissant): the content of a data set's files, for programs.

Written as plain JSON, because importing mlcroissant takes seconds and 150 MB. The tests validate it with mlcroissant.
"""

from datetime import date, datetime
from typing import Any

from trainer.dataset.columns import LABEL_MEANINGS, MEANINGS
from trainer.dataset.examples import LICENCE, Example
from trainer.dataset.formats import label_types
from trainer.dataset.manifest import Manifest, Shard
from trainer.dataset.own import Own
from trainer.dataset.stated import licensed

PARQUET, TAR = "application/x-parquet", "application/x-tar"  # media types, as mlcroissant names them
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
TYPES: dict[Any, str] = {
    str: "sc:Text", int: "sc:Integer", float: "sc:Float", date: "sc:Date", datetime: "sc:DateTime", bool: "sc:Boolean",
    str | None: "sc:Text", int | None: "sc:Integer", float | None: "sc:Float", date | None: "sc:Date",
    datetime | None: "sc:DateTime",
}  # fmt: skip
TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
} | {term: f"cr:{term}" for term in TERMS}


def describe(manifest: Manifest, own: Own | None = None) -> dict[str, Any]:
    """The metadata of a data set; an image folder has too many files to list."""
    labels = ", ".join(label.key for label in manifest.labels)
    said = f" with labels of 0 to 1: {labels}" if labels else ""
    files = {"parquet": PARQUET, "webdataset": TAR}.get(manifest.format)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": f"{manifest.name}-{manifest.version}",
        "description": " ".join(
            [f"Paddock photos of racehorses{said}.", *licensed(manifest.stated, sum(manifest.photos.values()))]
        ),
        "conformsTo": CONFORMS_TO,
        **(_rights(manifest, own) if own else {"license": LICENCE}),
        "version": "1.0.0",
        "distribution": [_file(shard, files) for shard in manifest.shards] if files else [],
        "recordSet": [_records(shard, manifest) for shard in manifest.shards] if files == PARQUET else [],
    }


def _rights(manifest: Manifest, own: Own) -> dict[str, Any]:
    """Whose photos they are, and what may be done with them."""
    creators = [{"@type": "sc:Person", "name": name} for name in own.photographers]
    name = f"{manifest.name}-{manifest.version}"
    return {"license": own.licence.url, "creator": creators, "citeAs": own.attribution(name)}


def _file(shard: Shard, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": shard.path,
        "name": shard.path,
        "contentUrl": shard.path,
        "encodingFormat": kind,
        "sha256": shard.digest,
    }


def _records(shard: Shard, manifest: Manifest) -> dict[str, Any]:
    name = shard.path.rpartition("/")[2].removesuffix(".parquet")
    fields = [
        _field(f"{name}/{column}", TYPES[Example.__annotations__[column]], MEANINGS[column], shard, {"column": column})
        for column in manifest.facts
    ]
    fields += [_label(name, label.key, shard) for label in manifest.labels]
    description = f"Examples of the side {shard.side}."
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": description, "field": fields}


def _label(name: str, key: str, shard: Shard) -> dict[str, Any]:
    """A label: one field for each of its parts."""
    parts = [
        _field(f"{name}/{key}/{part}", "sc:Text" if kind == "string" else "sc:Float", LABEL_MEANINGS[part], shard, {})
        for part, kind in label_types().items()
    ]
    for part in parts:
        part["source"]["extract"] = {"column": "labels"}
        part["source"]["transform"] = {"jsonPath": f"$['{key}'].{part['name'].rpartition('/')[2]}"}
    return {"@type": "cr:Field", "@id": f"{name}/{key}", "name": f"{name}/{key}", "subField": parts}


def _field(name: str, kind: str, words: str, shard: Shard, extract: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "description": words,
        "dataType": kind,
        "source": {"fileObject": {"@id": shard.path}, "extract": extract},
    }
