"""Croissant 1.0 metadata (mlcommons.org/croissant): the content of a data set's files, for programs.

Written as plain JSON, because importing mlcroissant takes seconds and 150 MB. The tests validate it with mlcroissant.
"""

from datetime import date, datetime
from typing import Any

from trainer.dataset.examples import COLUMNS, LICENCE, Example
from trainer.dataset.manifest import Manifest, Shard

PARQUET, TAR = "application/x-parquet", "application/x-tar"  # media types, as mlcroissant names them
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
TYPES: dict[Any, str] = {
    str: "sc:Text", int: "sc:Integer", float: "sc:Float", date: "sc:Date", datetime: "sc:DateTime",
    str | None: "sc:Text", int | None: "sc:Integer", date | None: "sc:Date",
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


def describe(manifest: Manifest) -> dict[str, Any]:
    """The metadata of a data set; an image folder has too many files to list."""
    files = {"parquet": PARQUET, "webdataset": TAR}.get(manifest.format)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": f"{manifest.name}-{manifest.version}",
        "description": f"Paddock photos of racehorses with {manifest.axis} aptitude, 0 to 1.",
        "conformsTo": CONFORMS_TO,
        "license": LICENCE,
        "version": "1.0.0",
        "distribution": [_file(shard, files) for shard in manifest.shards] if files else [],
        "recordSet": [_records(shard) for shard in manifest.shards] if files == PARQUET else [],
    }


def _file(shard: Shard, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": shard.path,
        "name": shard.path,
        "contentUrl": shard.path,
        "encodingFormat": kind,
        "sha256": shard.digest,
    }


def _records(shard: Shard) -> dict[str, Any]:
    name = shard.path.rpartition("/")[2].removesuffix(".parquet")
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": f"{name}/{column}",
            "dataType": TYPES[Example.__annotations__[column]],
            "source": {"fileObject": {"@id": shard.path}, "extract": {"column": column}},
        }
        for column in COLUMNS
    ]
    description = f"Examples of the side {shard.side}."
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": description, "field": fields}
