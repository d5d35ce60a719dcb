"""Facts as JSON that every program can read, and that a terminal can show."""

import json
import math
import sys
from datetime import date
from typing import Any

from collector.console.program import takes_everything
from collector.console.visible import UNSEEN


def json_text(facts: Any, indent: int | None = None, *, ascii_only: bool = False) -> str:
    """Facts as JSON: dates as ISO 8601, NaN and infinity as null, and characters that are not seen escaped."""
    plain = _without_nan(facts)
    text = json.dumps(plain, default=plain_value, ensure_ascii=ascii_only, allow_nan=False, indent=indent)
    return UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def print_json(facts: Any) -> None:
    """Facts as one line of JSON on stdout."""
    sys.stdout.write(json_text(facts, ascii_only=not takes_everything(sys.stdout)) + "\n")


def plain_value(value: Any) -> str:
    """What JSON has no type for, as text."""
    return value.isoformat() if isinstance(value, date) else str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
