"""Names of files as they can be stored and shown: other systems wrote them, in other charsets. Pure."""

LONGEST = 500  # characters
CHARSETS = ("utf-8", "cp932", "euc_jp")


def decoded(raw: bytes) -> str:
    """A name's bytes as text, by the first charset that fits; a byte that none fits is written out."""
    for charset in CHARSETS:
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            pass
    return raw.decode("utf-8", "backslashreplace")


def of_path(name: str) -> str:
    """A name as the file system gives it."""
    return decoded(name.encode("utf-8", "surrogateescape"))


def inside(container: str, member: str) -> str:
    """A member's name after that of its archive or folder; nothing in it leads out of there."""
    parts = [part for part in member.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join([container, *parts])[-LONGEST:].replace("\0", "")
