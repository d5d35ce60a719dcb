"""The same crawl by Crawlee's HttpCrawler with selectolax, into the same Postgres."""

import asyncio
import logging
import re
import sys
from datetime import timedelta
from urllib.parse import urljoin

import psycopg
from crawlee import ConcurrencySettings, Request  # pyright: ignore[reportMissingImports]
from crawlee.crawlers import HttpCrawler, HttpCrawlingContext  # pyright: ignore[reportMissingImports]
from crawlee.storage_clients import MemoryStorageClient  # pyright: ignore[reportMissingImports]
from selectolax.lexbor import LexborHTMLParser

FOLLOW = {
    "year": (r"/keibabook/\d{6}/index\.html$", "issue"),
    "issue": (r"/photo\d+\.html$", "photo"),
}


async def main(base: str, years: list[int], conninfo: str) -> None:
    connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    await connection.execute("CREATE TABLE photo (page text, image text, content bytea)")
    crawler = HttpCrawler(
        storage_client=MemoryStorageClient(),
        concurrency_settings=ConcurrencySettings(min_concurrency=1, desired_concurrency=1, max_concurrency=1),
        request_handler_timeout=timedelta(seconds=60),
        ignore_http_error_status_codes=[404],
        configure_logging=False,
    )
    logging.disable(logging.WARNING)

    @crawler.router.default_handler
    async def handle(context: HttpCrawlingContext) -> None:
        url, label = context.request.url, context.request.label or "year"
        body = await context.http_response.read()
        if label == "image":
            content = body if context.http_response.status_code == 200 else b""
            row = (context.request.user_data["page"], url, content)
            await connection.execute("INSERT INTO photo VALUES (%s, %s, %s)", row)
            return
        tree = LexborHTMLParser(body.decode("cp932", "replace"))
        if label == "photo":
            for image in tree.css("img[src]"):
                source = image.attributes.get("src") or ""
                if re.search(r"images/p(p|_photo|hoto_)\d\d\.jpg$", source):
                    page = {"page": url}
                    await context.add_requests([Request.from_url(urljoin(url, source), label="image", user_data=page)])
                    break
            return
        pattern, next_label = FOLLOW[label]
        found = [urljoin(url, node.attributes.get("href") or "") for node in tree.css("a[href]")]
        wanted = [Request.from_url(link, label=next_label) for link in found if re.search(pattern, link)]
        await context.add_requests(wanted)

    await crawler.run([Request.from_url(f"{base}/keibabook/bn/{year}.html", label="year") for year in years])
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], [int(year) for year in sys.argv[2].split(",")], sys.argv[3]))
