"""How a photo's horse was found, or why it is open: a rule's words become keys of this site's words. Pure."""

from collector.match import NOT_LOOKED_UP

WHY = {
    "open: its races have not been read": "review_why_unread",
    "open: no horse of that name": "review_why_unknown",
    "open: several horses of that name, none ran on those days": "review_why_namesakes",
    NOT_LOOKED_UP: "review_why_not_looked_up",
}
SEVERAL = "open: several horses fit by "
BY = {
    "name": "rule_name",
    "misprint": "rule_misprint",
    "race": "rule_race",
    "age": "rule_age",
    "sex": "rule_sex",
    "by hand": "rule_by_hand",
    "name, in no race of those days": "rule_no_race",
}


def why(rule: str) -> str | None:
    """The word under which it is told why a photo is open; None where only the rule's own words say it."""
    return "review_why_several" if rule.startswith(SEVERAL) else WHY.get(rule)


def found_by(rule: str) -> list[str]:
    """The words under which it is told by what a horse was found; none where only the rule's own words say it."""
    parts = rule.split(" and ")
    return [BY[part] for part in parts] if all(part in BY for part in parts) else []
