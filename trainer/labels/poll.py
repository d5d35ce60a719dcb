"""The label of the public: what reviewers think of a horse."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

from trainer.labels.definition import Absent, Connection, Observed, Subjects
from trainer.labels.label import WhyNone
from trainer.labels.scales import ENDS, Scale

NOTHING_KNOWN = 0.5  # the label that the bars of a horse without reviews show
NEWEST: LiteralString = """
WITH subject AS ({subjects})
SELECT subject.key, subject.horse_id, opinion.value, opinion.left_px, opinion.right_px, opinion.reviews,
    opinion.observed_at, opinion.source_url
FROM subject LEFT JOIN LATERAL (
    SELECT * FROM aptitude WHERE aptitude.horse_id = subject.horse_id AND aptitude.axis = %(axis)s
    ORDER BY aptitude.observed_at DESC LIMIT 1) opinion ON true
ORDER BY subject.key
"""


@dataclass(frozen=True, slots=True)
class Poll:
    """The share of reviewers' opinion that lies at the right end of an axis: right / (left + right) of two bars."""

    min_reviews: int = 1
    keep_unreviewed: bool = False  # as in the first attempt; their label is NOTHING_KNOWN
    name: str = "poll"
    words: str = "What reviewers on its page think of it: the share of the bar at the right end."
    unit: str = "share of the bar"
    shrunk: bool = False

    @property
    def scales(self) -> Mapping[str, Scale]:
        """The five axes of the page."""
        return ENDS

    @property
    def settings(self) -> Mapping[str, Any]:
        """Which opinions it takes."""
        return {"min_reviews": self.min_reviews, "keep_unreviewed": self.keep_unreviewed}

    def observe(self, connection: Connection, axis: str, subjects: Subjects) -> Iterator[Observed | Absent]:
        """The newest opinion of each subject's horse, in the order of the keys."""
        with connection.cursor("opinions") as cursor:
            for row in cursor.execute(NEWEST.format(subjects=subjects.query), {"axis": axis}):
                yield self.judge(row)

    def judge(self, row: dict[str, Any]) -> Observed | Absent:
        """What the page says of one subject. Pure."""
        value = NOTHING_KNOWN if row["value"] is None and self.keep_unreviewed else row["value"]
        if row["left_px"] is None:
            return Absent(row["key"], WhyNone.NOT_ASKED)
        if value is None:
            return Absent(row["key"], WhyNone.NO_REVIEWS)
        if row["value"] is not None and row["reviews"] is not None and row["reviews"] < self.min_reviews:
            return Absent(row["key"], WhyNone.FEW_REVIEWS)
        evidence = {
            "left_px": row["left_px"],
            "right_px": row["right_px"],
            "observed_at": row["observed_at"].isoformat(),
            "url": row["source_url"],
        }
        return Observed(row["key"], row["horse_id"], value, row["reviews"], evidence)
