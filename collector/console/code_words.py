"""A code and what stands beside it as a sentence, in English or Japanese. The texts are in the catalogue of codes.

A sentence is made where a person reads it. `{detail}` is what stands beside the code: a line of robots.txt, or what
another program said. Both come from the database, so a code may be one of a later version: it is shown as it is.
"""

from enum import StrEnum

from collector.codes import Block, Delay, Failure, MatchRule, Sign
from collector.console.catalogue import CODES

NO_DETAIL = "-"
KEYS: dict[type[StrEnum], str] = {  # what the keys of a kind's texts begin with
    Block: "block_", Delay: "delay_", Failure: "failure_", MatchRule: "rule_", Sign: "sign_",
}  # fmt: skip


def describe(
    kind: type[StrEnum], code: str | None, detail: str | None = None, *, language: str = "en", without: str = ""
) -> str:
    """A code and its detail as a sentence; `without` is what is said where there is neither."""
    if code not in set(kind):
        return ": ".join(part for part in (code, detail) if part) or without
    words = CODES.read(language)
    if kind is MatchRule and (rule := MatchRule(code)).signs:
        signs = words["joined_by"].join(words[f"sign_{sign}"] for sign in rule.signs)
        return words["rule_several"].format(signs=signs) if rule.several else signs
    return words[f"{KEYS[kind]}{kind(code)}"].format(detail=detail or NO_DETAIL)
