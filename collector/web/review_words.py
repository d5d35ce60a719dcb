"""The review in its two languages."""

REVIEW: dict[str, tuple[str, str]] = {}
