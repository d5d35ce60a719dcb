"""The open licences that a photographer may state for photos, by their SPDX ids. Pure."""

import re
from dataclasses import dataclass

CREATIVE_COMMONS = "https://creativecommons.org"
SCHEME = re.compile(r"https?://(www\.)?")
PARTED = re.compile(r"[\s_/-]+")  # what parts the words of a licence's name


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence that lets everybody use and pass on a work."""

    spdx: str
    title: str
    url: str
    named: bool  # whether the photographer has to be named
    alike: bool = False  # whether what is made of it has to have the same licence


ZERO = f"{CREATIVE_COMMONS}/publicdomain/zero/1.0/"
BY, BY_SA = (f"{CREATIVE_COMMONS}/licenses/{name}/4.0/" for name in ("by", "by-sa"))
LICENCES = (
    Licence("CC0-1.0", "CC0 1.0 Universal", ZERO, named=False),
    Licence("CC-BY-4.0", "Creative Commons Attribution 4.0 International", BY, named=True),
    Licence("CC-BY-SA-4.0", "Creative Commons Attribution-ShareAlike 4.0 International", BY_SA, named=True, alike=True),
)
IDS = ", ".join(licence.spdx for licence in LICENCES)


def licence_of(text: str) -> Licence | None:
    """The licence that a text names and nothing else: CC BY 4.0, CC-BY-4.0, its title, its address; None: it does not.

    A text that adds something to a licence ("CC BY 4.0, not for sale") names none.
    """
    said = _plain(text)
    return next((licence for licence in LICENCES if said in _spellings(licence)), None)


def _spellings(licence: Licence) -> set[str]:
    names = {_plain(name) for name in (licence.spdx, licence.title, licence.url)}
    return names | {"cc0"} if licence.spdx == "CC0-1.0" else names


def _plain(text: str) -> str:
    return PARTED.sub("-", SCHEME.sub("", text.strip().casefold())).strip("-.")
