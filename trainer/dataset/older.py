"""Data sets of former releases, read as those of this one. Until export code 4, each had one label: the poll's."""

import json
from collections.abc import Mapping
from typing import Any

from trainer.labels.scales import ENDS

BARS = ("left_px", "right_px")
LABEL = ("axis", "label", *BARS, "reviews", "label_observed_at", "label_url")  # columns that `labels` stands for now


def modern_row(row: Mapping[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    """A row with the columns of this release; what an older one does not have is None."""
    if "label_url" not in row:
        return dict.fromkeys(columns) | {"labels": {}} | dict(row)
    moment = row["label_observed_at"]
    evidence = {name: row[name] for name in BARS} | {
        "observed_at": moment if isinstance(moment, str) else moment.isoformat(),
        "url": row["label_url"],
    }
    label = {
        "value": row["label"],
        "variance": None,
        "reliability": None,
        "n": row["reviews"],
        "evidence": json.dumps(evidence, ensure_ascii=False, sort_keys=True),
    }
    return {name: row.get(name) for name in columns} | {"labels": {f"poll/{row['axis']}": label}}


def modern_manifest(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a manifest as this release writes it."""
    if "axis" not in facts:
        return dict(facts)
    from trainer.labels.poll import Poll  # imports a driver of Postgres, which reading a manifest does not need

    poll, axis = Poll(), facts["axis"]
    scale = ENDS[axis]
    label = {
        "key": f"poll/{axis}", "words": poll.words, "unit": poll.unit, "low": scale.low, "high": scale.high,
        "knots": [list(knot) for knot in scale.knots], "metres": False, "photos": facts["photos"], "shrunk": False,
        "mean": 0.5, "between": 0.0, "within": None, "training_horses": 0,
    }  # fmt: skip
    query = {name: value for name, value in facts["query"].items() if name != "axis"}
    chosen = {name: query.pop(name) for name in ("min_reviews", "keep_unreviewed") if name in query}
    kept = {name: value for name, value in facts.items() if name not in ("axis", "query")}
    return kept | {"labels": [label], "query": {"labels": {label["key"]: chosen}} | query}
