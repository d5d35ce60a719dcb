"""What the sites' robots.txt say now of training on photos that are held: a site may say so after they came."""

from typing import Any

import psycopg

from collector.politeness.gate import host_name
from collector.politeness.robots import Robots
from collector.storage.archive import unpack

IN_FORCE = """
SELECT page.url, blob.content, blob.encoding FROM page JOIN blob USING (digest)
WHERE page.kind = 'robots' AND page.state <> 'gone'
"""


class Consent:
    """The newest robots.txt of each site, as far as it is about training."""

    def __init__(self, rules: dict[str, Robots]) -> None:
        self._rules = rules  # by host

    @classmethod
    def read(cls, connection: psycopg.Connection[dict[str, Any]]) -> "Consent":
        """The copies that the collector holds."""
        rows = connection.execute(IN_FORCE).fetchall()
        return cls({host_name(row["url"]): Robots.parse(unpack(row["content"], row["encoding"])) for row in rows})

    def given(self, *urls: str) -> bool:
        """Whether what lies at all of these addresses may be trained on."""
        return all(self._given(url) for url in urls)

    def _given(self, url: str) -> bool:
        robots = self._rules.get(host_name(url))
        return robots is None or robots.training(url).allowed
