"""The least code that crawls the site into Postgres: aiohttp, selectolax, COPY. No promise is kept but speed."""

import asyncio
import re
import sys
from urllib.parse import urljoin

import aiohttp
import psycopg
from selectolax.lexbor import LexborHTMLParser

ISSUE = re.compile(r"/keibabook/\d{6}/index\.html$")


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with session.get(url) as response:
        return response.status, await response.read()


def links(url: str, body: bytes) -> tuple[LexborHTMLParser, list[str]]:
    tree = LexborHTMLParser(body.decode("cp932", "replace"))
    return tree, [urljoin(url, node.attributes.get("href") or "") for node in tree.css("a[href]")]


async def main(base: str, years: list[int], conninfo: str) -> None:
    rows: list[tuple[str, str, bytes]] = []
    async with aiohttp.ClientSession() as session:
        for year in years:
            url = f"{base}/keibabook/bn/{year}.html"
            _, body = await get(session, url)
            for issue in dict.fromkeys(link for link in links(url, body)[1] if ISSUE.search(link)):
                status, body = await get(session, issue)
                pages = dict.fromkeys(link for link in links(issue, body)[1] if re.search(r"/photo\d+\.html$", link))
                for page in pages:
                    _, body = await get(session, page)
                    tree, _ = links(page, body)
                    for image in tree.css("img[src]"):
                        source = image.attributes.get("src") or ""
                        if re.search(r"images/p(p|_photo|hoto_)\d\d\.jpg$", source):
                            status, picture = await get(session, urljoin(page, source))
                            rows.append((page, source, picture if status == 200 else b""))
                            break
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE photo (page text, image text, content bytea)")
        with connection.cursor().copy("COPY photo FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["text", "text", "bytea"])
            for row in rows:
                copy.write_row(row)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], [int(year) for year in sys.argv[2].split(",")], sys.argv[3]))
