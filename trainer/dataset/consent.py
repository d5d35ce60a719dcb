"""What the sites' robots.txt say now of training on photos that are held: a site may say so after they came."""

from typing import Any

import psycopg

from collector.politeness.gate import host_name
from collector.politeness.robots import Robots
from collector.storage.archive import unpack_whole
from trainer.dataset.examples import Skip

IN_FORCE = """
SELECT page.url, digest, blob.content, blob.encoding FROM page JOIN blob USING (digest)
WHERE page.kind = 'robots' AND page.state <> 'gone'
"""


class Consent:
    """The newest robots.txt of each site, as far as it is about training."""

    def __init__(self, rules: dict[str, Robots | None]) -> None:
        self._rules = rules  # by host; None: the copy cannot be read, so nobody knows what the site says

    @classmethod
    def read(cls, connection: psycopg.Connection[dict[str, Any]]) -> "Consent":
        """The copies that the collector holds."""
        return cls({host_name(row["url"]): _rules(row) for row in connection.execute(IN_FORCE).fetchall()})

    def why_not(self, *urls: str | None) -> Skip | None:
        """Why what lies at these addresses is not trained on; None where it may be."""
        found = {self._why_not(url) for url in urls if url}
        return next((why for why in (Skip.KEPT_OUT, Skip.RULES_UNKNOWN) if why in found), None)

    def _why_not(self, url: str) -> Skip | None:
        host = host_name(url)
        if host not in self._rules:
            return None
        robots = self._rules[host]
        if robots is None:
            return Skip.RULES_UNKNOWN
        return None if robots.training(url).allowed else Skip.KEPT_OUT


def _rules(row: dict[str, Any]) -> Robots | None:
    body = unpack_whole(row["content"], row["encoding"], row["digest"])
    robots = None if body is None else Robots.parse(body)
    return None if robots is None or robots.out_of_reach else robots
