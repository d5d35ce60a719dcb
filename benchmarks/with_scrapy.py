"""The same crawl by Scrapy, into the same Postgres."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import scrapy  # pyright: ignore[reportMissingImports]
from scrapy.crawler import CrawlerProcess  # pyright: ignore[reportMissingImports]


class PaddockSpider(scrapy.Spider):
    name = "paddock"
    handle_httpstatus_list = [404]  # noqa: RUF012  (Scrapy reads it from the class)

    def __init__(self, base: str, years: list[int], conninfo: str) -> None:
        super().__init__()
        self.start_urls = [f"{base}/keibabook/bn/{year}.html" for year in years]
        self.connection = psycopg.connect(conninfo, autocommit=True)
        self.connection.execute("CREATE TABLE photo (page text, image text, content bytea)")

    def parse(self, response: Any) -> Iterator[Any]:
        yield from self._follow(response, r"/keibabook/\d{6}/index\.html$", self.parse_issue)

    def parse_issue(self, response: Any) -> Iterator[Any]:
        yield from self._follow(response, r"/photo\d+\.html$", self.parse_photo)

    def _follow(self, response: Any, pattern: str, callback: Any) -> Iterator[Any]:
        for link in response.css("a::attr(href)").getall():
            if re.search(pattern, response.urljoin(link)):
                yield response.follow(link, callback)

    def parse_photo(self, response: Any) -> Iterator[Any]:
        for source in response.css("img::attr(src)").getall():
            if re.search(r"images/p(p|_photo|hoto_)\d\d\.jpg$", source):
                yield response.follow(source, self.parse_image, cb_kwargs={"page": response.url})
                return

    def parse_image(self, response: Any, page: str) -> None:
        content = response.body if response.status == 200 else b""
        self.connection.execute("INSERT INTO photo VALUES (%s, %s, %s)", (page, response.url, content))


if __name__ == "__main__":
    settings = {
        "LOG_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": 0,
    }
    process = CrawlerProcess(settings)
    process.crawl(PaddockSpider, sys.argv[1], [int(year) for year in sys.argv[2].split(",")], sys.argv[3])
    process.start()
