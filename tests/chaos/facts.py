"""Everything that was collected, without what differs from one crawl to the next: ids, times, the site's port."""

import json
from collections.abc import Mapping
from urllib.parse import unquote

import psycopg

from tests.chaos.watched_site import WatchedSite

TABLES = (
    "blob", "page", "issue", "photo", "race_day", "race", "entry", "horse", "aptitude", "photo_match", "latin_name",
    "parse_failure", "drift",
)  # fmt: skip
# Ids and times; and what only says which of several pages came first, or how it was asked for.
LEFT_OUT = (
    "id", "page_id", "content", "near_duplicate_of", "observed_at", "decided_at", "added_at", "due_at",
    "last_fetched_at", "changed_at", "found_on",
)  # fmt: skip
# What is compared instead.
BESIDE = {
    "blob": "md5(content)",
    "page": "due_at IS NULL",
    "photo": "(SELECT issue_code || '/' || number FROM photo AS near WHERE near.id = facts.near_duplicate_of)",
    "parse_failure": "(SELECT url FROM page WHERE page.id = facts.page_id)",
}
Facts = Mapping[str, list[str]]


def facts_of(conninfo: str, site: WatchedSite) -> Facts:
    """The rows of every table of content, each as one line, in order."""
    return {table: _rows(conninfo, table, site) for table in TABLES}


def _rows(conninfo: str, table: str, site: WatchedSite) -> list[str]:
    query = f"SELECT to_jsonb(facts) - %s::text[], {BESIDE.get(table, 'NULL')} FROM {table} AS facts"
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(query.encode(), (list(LEFT_OUT),)).fetchall()
    port = site.base.rpartition(":")[2]
    texts = [json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows]
    for host in ("127.0.0.1", "localhost"):
        texts = [text.replace(f"{host}:{port}", host) for text in texts]
    return sorted(texts)


def unread(conninfo: str) -> str:
    """The pages that were not read, and what was asked for and is not done: where work stands still."""
    with psycopg.connect(conninfo) as connection:
        pages = connection.execute(
            "SELECT state, due_at, failures, error, url FROM page WHERE state NOT IN ('fetched', 'gone')"
        ).fetchall()
        jobs = connection.execute("SELECT scope, hosts, attended_until FROM crawl_job").fetchall()
        hosts = connection.execute("SELECT name, blocked_until, reason, open_until, waiting FROM host").fetchall()
    return "\n".join(str(row) for row in (*pages[:10], *jobs, *hosts))


def differences(ours: Facts, theirs: Facts) -> list[str]:
    """The rows that only one of two has, some of each table."""
    found = []
    for table in TABLES:
        mine, other = set(ours[table]), set(theirs[table])
        found += [f"{table}: only here: {row[:400]}" for row in sorted(mine - other)[:5]]
        found += [f"{table}: only undisturbed: {row[:400]}" for row in sorted(other - mine)[:5]]
        if mine == other and len(ours[table]) != len(theirs[table]):
            found.append(f"{table}: {len(ours[table])} rows here, {len(theirs[table])} undisturbed")
    return found


def logged(conninfo: str) -> list[tuple[str, str]]:
    """The requests in our own log: host, and path as a person reads it."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute("SELECT host, url FROM fetch_log").fetchall()
    return [(host, readable("/" + url.split("/", 3)[3])) for host, url in rows]


def readable(path: str) -> str:
    """A path in which nothing is escaped, whatever its characters are in."""
    return unquote(path, encoding="latin-1")


def due(conninfo: str) -> set[str]:
    """The hosts of which a page could be asked for now."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT DISTINCT host FROM page WHERE due_at <= clock_timestamp() AND kind <> 'robots'"
        ).fetchall()
    return {row[0] for row in rows}
