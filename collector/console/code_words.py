"""A code and what stands beside it as a sentence, in English or Japanese. The texts are in the catalogue of codes.

A sentence is made where a person reads it. `{detail}` is what stands beside the code: a line of robots.txt, or what
another program said. Where a sentence needs several things, each has a name. Code and detail come from the database, so
they may be of another version: a code that is not known is shown as it is.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from collector.codes import AcceptedBy, Aside, Awaited, Block, ClaimKind, Copying, Delay, Failure, MatchRule, Said, Sign
from collector.console.catalogue import CODES

NO_DETAIL = "-"
KEYS: dict[type[StrEnum], str] = {  # what the keys of a kind's texts begin with
    AcceptedBy: "accepted_", Aside: "aside_", Awaited: "awaited_", Block: "block_", ClaimKind: "claim_",
    Copying: "copying_", Delay: "delay_", Failure: "failure_", MatchRule: "rule_", Said: "said_", Sign: "sign_",
}  # fmt: skip
Detail = str | Mapping[str, Any] | None


class Facts(dict[str, Any]):
    """What a sentence is filled with; what another version did not write is a dash."""

    def __missing__(self, _: str) -> str:
        return NO_DETAIL


def describe(
    kind: type[StrEnum], code: str | None, detail: Detail = None, *, language: str = "en", without: str = ""
) -> str:
    """A code and its detail as a sentence; `without` is what is said where there is neither."""
    facts = detail if isinstance(detail, Mapping) else {"detail": detail} if detail else {}
    if code not in set(kind):
        return ": ".join(part for part in (code, ", ".join(map(str, facts.values()))) if part) or without
    words = CODES.read(language)
    if kind is MatchRule and (rule := MatchRule(code)).signs:
        signs = words["joined_by"].join(words[f"sign_{sign}"] for sign in rule.signs)
        return words["rule_several"].format(signs=signs) if rule.several else signs
    return words[f"{KEYS[kind]}{kind(code)}"].format_map(Facts(_with_sentences(facts, language)))


def describe_claim(claim: Mapping[str, Any], *, language: str = "en") -> str:
    """A claim of a remark, as it is kept, in words."""
    code, low, high = (claim.get(name) for name in ("kind", "low_m", "high_m"))
    if code not in set(ClaimKind):
        return str(code)
    form = ("_range" if high else "_one") if code == ClaimKind.FINE_AT and low else ""
    return CODES.read(language)[f"claim_{ClaimKind(code)}{form}"].format_map(Facts(low=low, high=high))


def _with_sentences(facts: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The facts, with a sentence in place of each code among them."""
    said = dict(facts)
    if "delay" in facts:
        said["delay"] = describe(Delay, facts["delay"], language=language)
    if "block" in facts:
        said["block"] = describe(Block, facts["block"], facts.get("detail"), language=language)
    return said
