"""The overview in its two languages."""

OVERVIEW: dict[str, tuple[str, str]] = {}
