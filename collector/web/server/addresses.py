"""Addresses that a database holds: of the web, or of anything else, so nothing is taken for granted. Pure."""

from yarl import URL


def web_address(url: str) -> str:
    """An address of the web, to be put into a link; of anything else (javascript:) nothing."""
    return url if url.startswith(("http://", "https://")) else ""


def host_of(url: str) -> str:
    """The host of an address of the web; nothing where it has none, or is not such an address."""
    try:
        return URL(web_address(url)).host or ""
    except ValueError:
        return ""
