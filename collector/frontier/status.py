"""What is held, what is due, how the hosts stand: read from the tables, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from collector.codes import Delay, Failure
from collector.console.code_words import describe
from collector.console.wording import in_japan
from collector.frontier.hosts import HostState, host_states
from collector.frontier.scope import IN_SCOPE, Scope, scope_parameters
from collector.politeness.gate import Connection
from collector.storage.roles import LABEL_ROLES

# `page.dated` is the issue's date (of a race its own day); the date of its page puts a photo in a range.
SUMMARY = f"""
WITH scope AS (
    SELECT * FROM page WHERE host = ANY (%(hosts)s) AND role <> 'robots' AND {IN_SCOPE}),
asked_of AS (
    SELECT count(*) AS requests, sum(size) AS bytes, min(gap) AS min_gap,
           count(*) FILTER (WHERE outcome = 'not_modified') AS not_modified
    FROM fetch_log WHERE host = ANY (%(hosts)s) AND at >= %(started)s AND outcome <> 'imported' GROUP BY host),
asked AS (
    SELECT COALESCE(sum(requests), 0)::bigint AS requests, COALESCE(max(requests), 0) AS busiest,
           COALESCE(sum(bytes), 0)::bigint AS bytes, min(min_gap) AS min_gap,
           COALESCE(sum(not_modified), 0)::bigint AS not_modified
    FROM asked_of),
photos AS (
    SELECT photo.digest IS NOT NULL AS held, image.changed_at >= %(started)s AS new,
           COALESCE(image.state IN ('failed', 'quarantined'), shown.state IN ('failed', 'quarantined')) AS failed,
           COALESCE(image.state, shown.state) = 'gone' AS missing
    FROM photo JOIN scope AS shown ON shown.url = photo.page_url
    LEFT JOIN page AS image ON image.url = photo.image_url)
SELECT
    (SELECT count(*) FROM scope WHERE role = 'issue' AND state = 'fetched') AS issues,
    (SELECT count(*) FROM photos WHERE held AND new) AS photos_new,
    (SELECT count(*) FROM photos WHERE held AND NOT new) AS photos_known,
    (SELECT count(*) FROM photos WHERE NOT held AND failed) AS photos_failed,
    (SELECT count(*) FROM photos WHERE NOT held AND missing) AS photos_missing,
    (SELECT count(*) FROM scope WHERE role = 'result' AND state = 'fetched') AS races,
    (SELECT count(*) FROM scope WHERE role = 'race_day' AND state = 'fetched') AS race_days,
    asked.requests, asked.busiest, asked.bytes, asked.not_modified, asked.min_gap,
    EXTRACT(EPOCH FROM clock_timestamp() - %(started)s)::float8 AS elapsed,
    (SELECT count(*) FROM scope WHERE state IN ('failed', 'quarantined') AND GREATEST(
        last_fetched_at, (SELECT max(at) FROM fetch_log WHERE page_id = scope.id AND at >= %(started)s
                          AND outcome <> 'imported')) >= %(started)s) AS failed,
    (SELECT count(*) FROM scope WHERE state = 'failed' AND error_code IN ('robots', 'training')
        OR EXISTS (SELECT FROM fetch_log WHERE page_id = scope.id AND at >= %(started)s AND outcome = 'refused'
                   AND scope.state = 'failed')) AS refused,
    EXISTS (SELECT FROM drift WHERE source IN (SELECT source FROM scope)) AS layout_changed,
    (SELECT dated FROM page JOIN fetch_log ON fetch_log.page_id = page.id
     WHERE fetch_log.host = ANY (%(hosts)s) AND at >= %(started)s AND outcome <> 'imported'
       AND role IN ('issue', 'photo_page', 'picture')
     ORDER BY fetch_log.id DESC LIMIT 1) AS latest
FROM asked
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a crawl brought, counted in the database and so by all who took part."""

    issues: int  # back numbers held in the range
    photos_new: int
    photos_known: int  # held from before
    photos_failed: int  # to be tried again
    photos_missing: int  # the site has no picture (404)
    races: int  # results held in the range
    race_days: int
    requests: int
    busiest: int  # requests to the host that was asked most: lanes work side by side
    bytes: int
    not_modified: int
    min_gap: float | None  # seconds between two requests to one host
    elapsed: float  # seconds
    failed: int  # pages that failed in this crawl
    refused: int  # pages that the site does not give us
    layout_changed: bool
    latest: Any  # date of the issue asked for last

    def as_json(self) -> dict[str, Any]:
        """The summary as `--json` prints it."""
        return {
            "issues": self.issues,
            "photos_new": self.photos_new,
            "photos_known": self.photos_known,
            "photos_failed": self.photos_failed,
            "photos_missing": self.photos_missing,
            "races": self.races,
            "requests": self.requests,
            "bytes": self.bytes,
            "not_modified": self.not_modified,
            "elapsed_s": round(self.elapsed, 3),
            "min_gap_s": None if self.min_gap is None else round(self.min_gap, 4),
            "pages_failed": self.failed,
            "pages_refused": self.refused,
            "layout_changed": self.layout_changed,
        }


NOTHING = Summary(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, 0.0, 0, 0, layout_changed=False, latest=None)


async def summarise(connection: Connection, hosts: Sequence[str], scope: Scope, started: datetime) -> Summary:
    """Count what has come since a crawl started."""
    row = await (await connection.execute(SUMMARY, scope_parameters(hosts, scope) | {"started": started})).fetchone()
    assert row is not None
    return Summary(*row)


# What is shown in several places is counted by one query: the horses that photos show, and which photos are copies.
HORSES: LiteralString = """
SELECT count(*) AS horses, count(value) AS rated, count(axis) - count(value) AS unreviewed
FROM (SELECT DISTINCT horse_id FROM photo JOIN photo_match USING (source, issue_code, number)
      WHERE horse_id IS NOT NULL) AS shown
LEFT JOIN LATERAL (SELECT axis, value FROM aptitude WHERE aptitude.horse_id = shown.horse_id AND axis = 'distance'
    ORDER BY observed_at DESC LIMIT 1) AS latest ON true
"""
IS_COPY: LiteralString = """(photo.near_duplicate_of IS NOT NULL OR EXISTS (
    SELECT FROM photo AS same WHERE same.digest = photo.digest AND same.id < photo.id))"""
HELD = f"""
SELECT (SELECT count(*) FROM issue), (SELECT count(*) FROM photo),
       (SELECT count(*) FROM photo WHERE digest IS NOT NULL),
       (SELECT horses FROM ({HORSES}) AS counted), (SELECT count(*) FROM photo WHERE {IS_COPY}),
       (SELECT COALESCE(sum(size), 0) FROM blob), (SELECT count(*) FROM blob),
       (SELECT count(*) FROM fetch_log WHERE outcome <> 'imported'),
       (SELECT count(*) FROM race), (SELECT count(*) FROM entry)
"""
# What is saved is compared with asking for every horse each night.
LABELS = f"""
WITH counted AS ({HORSES}),
labels AS (SELECT * FROM page WHERE role IN ('horse', 'aptitude') AND due_at IS NOT NULL)
SELECT (SELECT horses FROM counted), (SELECT rated FROM counted), (SELECT unreviewed FROM counted),
       (SELECT count(*) FROM labels WHERE due_at <= clock_timestamp()), (SELECT min(due_at) FROM labels),
       (SELECT count(*) FROM fetch_log JOIN page ON page.id = page_id
        WHERE outcome <> 'imported' AND role IN ('horse', 'aptitude', 'reviews')),
       (SELECT COALESCE(sum(1 + floor(EXTRACT(EPOCH FROM clock_timestamp() - added_at) / 86400)), 0)::bigint
        FROM labels),
       (SELECT percentile_disc(ARRAY[0, 0.5, 1]) WITHIN GROUP (
            ORDER BY round(EXTRACT(EPOCH FROM due_at - last_fetched_at) / 86400)::int)
        FROM labels WHERE due_at > last_fetched_at)
"""
MATCHES = """
SELECT count(*) FILTER (WHERE horse_id IS NOT NULL), count(*) FILTER (WHERE horse_id IS NULL AND NOT by_hand)
FROM photo JOIN photo_match USING (source, issue_code, number)
"""
DUE = """
SELECT source, kind, role, count(*) FILTER (WHERE due_at <= clock_timestamp()), count(*), min(due_at) FROM page
WHERE due_at IS NOT NULL AND role <> 'robots' GROUP BY source, kind, role ORDER BY kind, role, source
"""
# All hosts but those of which pages only came by import.
ASKED_HOSTS: LiteralString = """
FROM host WHERE last_request_at IS NOT NULL OR lane_job IS NOT NULL OR blocked_until IS NOT NULL
OR excluded_at IS NOT NULL OR EXISTS (SELECT FROM page WHERE page.host = host.name AND due_at IS NOT NULL)
OR NOT EXISTS (SELECT FROM fetch_log AS log WHERE log.host = host.name AND outcome = 'imported') ORDER BY name
"""
GATES = f"SELECT name, last_request_at, smallest_gap, delay, delay_reason, incidents, excluded_at {ASKED_HOSTS}"
# Until it is done, a job is worked on by its own command, or else by workers.
JOBS = f"""
SELECT since, until, "limit", all_races, asked_at, COALESCE(attended_until > clock_timestamp(), false), pages_left,
       hosts,
       (SELECT count(*) FROM page WHERE host = ANY (hosts) AND due_at <= clock_timestamp() AND role <> 'robots'
        AND {IN_SCOPE.replace("%(since)s", "since").replace("%(until)s", "until").replace("%(limit)s", '"limit"')})
FROM crawl_job ORDER BY id
"""
FAILURES = """
SELECT source, kind, state, error_code, error, count(*), (array_agg(url ORDER BY id DESC))[1:3], min(due_at)
FROM page WHERE state IN ('failed', 'quarantined') GROUP BY source, kind, state, error_code, error
ORDER BY count(*) DESC LIMIT 20
"""
HELD_NAMES = (
    "issues", "photos", "photos_with_picture", "horses", "copies", "bytes", "blobs", "requests", "races", "entries",
)  # fmt: skip
DRIFT_NAMES = ("source", "kind", "field", "old_coverage", "new_coverage", "samples", "since")
STATES = "SELECT source, kind, state, count(*) FROM page GROUP BY source, kind, state ORDER BY kind, state, source"
DRIFTS = "SELECT source, kind, field, old_coverage, new_coverage, samples, observed_at FROM drift ORDER BY id"


async def report(connection: Connection) -> dict[str, Any]:
    """Everything `collector status` says, as `--json` prints it."""

    async def rows(query: LiteralString) -> list[tuple[Any, ...]]:
        return await (await connection.execute(query)).fetchall()

    (held,) = await rows(HELD)
    gates = await rows(GATES)
    states = await host_states(connection, [name for name, *_ in gates])
    ((matched, unmatched),) = await rows(MATCHES)
    (labels,) = await rows(LABELS)
    facts: dict[str, Any] = {
        "matches": {"matched": matched, "open": unmatched},
        "labels": _labels(*labels),
        "held": {name: int(value) for name, value in zip(HELD_NAMES, held, strict=True)},
        "pages": [
            {"source": source, "kind": kind, "state": state, "count": count}
            for source, kind, state, count in await rows(STATES)
        ],
        "due": [
            {"source": source, "kind": kind, "role": role, "now": now, "later": total - now, "next_at": next_at}
            for source, kind, role, now, total, next_at in await rows(DUE)
        ],
        "hosts": [_host(states[name], gate) for name, *gate in gates if name in states],
        "jobs": [_job(*row) for row in await rows(JOBS)],
        "failures": [_failure(*row) for row in await rows(FAILURES)],
        "layout_changed": [dict(zip(DRIFT_NAMES, row, strict=True)) for row in await rows(DRIFTS)],
    }
    return facts | {"next": next_things(facts)}


def _failure(
    source: str,
    kind: str,
    state: str,
    code: str | None,
    detail: str | None,
    count: int,
    samples: list[str],
    due_at: datetime | None,
) -> dict[str, Any]:
    reason = describe(Failure, code, detail, without="unknown")
    return {
        "source": source, "kind": kind, "state": state, "code": code, "reason": reason, "count": count,
        "samples": samples, "due_at": due_at,
    }  # fmt: skip


def _job(*row: Any) -> dict[str, Any]:
    since, until, limit, all_races, at, attended, left, hosts, due = row
    return {
        "range": Scope(since, until, limit, all_races).title, "asked_at": at, "attended": attended,
        "pages_left": left, "hosts": hosts, "pages_due": due,
    }  # fmt: skip


def _labels(*row: Any) -> dict[str, Any]:
    horses, labelled, unreviewed, pages, next_at, requests, nightly, days = row
    return {
        "horses": horses, "labelled": labelled, "unreviewed": unreviewed, "due_now": pages,
        "next_at": next_at, "requests": requests, "requests_saved": max(0, nightly - requests),
        "interval_days": dict(zip(("shortest", "median", "longest"), days, strict=True)) if days else None,
    }  # fmt: skip


def _host(state: HostState, gate: Sequence[Any]) -> dict[str, Any]:
    last, smallest_gap, delay, why, incidents, excluded = gate
    wait = state.lane_wait
    closed = state.blocked_until and state.blocked
    return {
        "host": state.host, "last_request_at": last, "smallest_gap_s": smallest_gap,
        "delay_s": delay, "delay_code": why, "delay_reason": describe(Delay, why) or None,
        "blocked_until": state.blocked_until if state.blocked else None,
        "blocked_code": state.block_code if closed else None,
        "blocked_reason": state.block_reason if closed else None, "incidents": incidents,
        "forgotten_at": excluded, "lane_alive": bool(state.taken), "lane_by": state.lane_by if state.taken else None,
        "waiting_code": wait and wait.code, "waiting_for": wait and wait.sentence,
        "waiting_until": wait and wait.until,
    }  # fmt: skip


def next_things(facts: dict[str, Any]) -> list[str]:
    """What a person should do now, most urgent first."""
    things = [
        f"The layout of {drift['source']}'s {drift['kind']} pages has changed ({drift['field']} missing): mend the"
        " parser, then run `collector reparse`."
        for drift in facts["layout_changed"]
    ]
    things += [
        f"{host['host']} is closed until {in_japan(host['blocked_until'])}: wait, then run the same"
        " `collector crawl` again."
        for host in facts["hosts"]
        if host["blocked_until"]
    ]
    kinds = {failure["state"] for failure in facts["failures"]}
    if "quarantined" in kinds:
        things.append("Some pages could not be read: look at the samples; `collector reparse` reads them again.")
    if "failed" in kinds:
        things.append("Some pages failed: they are tried again when due; `collector crawl` does it.")
    if facts["matches"]["open"]:
        things.append("Some photos are open: `collector match --review` shows their candidates.")
    if facts["labels"]["horses"] and not facts["labels"]["requests"]:
        things.append("No label was asked for yet: run `collector refresh-labels`.")
    if any(due["now"] for due in facts["due"] if due["role"] not in LABEL_ROLES):
        things.append("Pages are due: run `collector crawl` with the range you want.")
    if not facts["held"]["requests"]:
        things.append("Nothing collected yet: run `collector crawl --since 2016` (--demo tries it on a look-alike).")
    if facts["held"]["photos_with_picture"]:
        things.append("Look at the photos: `collector serve`.")
    if facts["labels"]["labelled"]:
        things.append("Make a data set of them: `trainer export`.")
    return things
