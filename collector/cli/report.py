"""Results as a person reads them."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from collector.cli.progress import gap
from collector.console.measures import size_in_words, span_in_words
from collector.console.terminal import stacked, titled
from collector.console.wording import counted, in_japan

if TYPE_CHECKING:  # importing what they are results of takes longer than most commands
    from collector.engine.refresh import Refreshed
    from collector.frontier.status import Summary
    from collector.matching.match import Matched
    from collector.pipeline.forget import Doomed, Forgotten
    from collector.pipeline.repack import Repacked
    from collector.pipeline.reparse import Changes

NAMED = 10  # damaged pages that are named; --json names all


def print_summary(console: Console, summary: "Summary") -> None:
    """What a crawl brought."""
    table = Table.grid(padding=(0, 2))
    table.add_row("issues", f"{summary.issues}")
    table.add_row("photos", f"{summary.photos_new} new, {summary.photos_known} known before")
    if summary.photos_failed or summary.photos_missing:
        table.add_row("", f"{summary.photos_failed} failed, {summary.photos_missing} missing on the site")
    if summary.races:
        table.add_row("races", counted(summary.races, "result"))
    table.add_row(
        "requests", f"{summary.requests} ({summary.not_modified} not modified), {size_in_words(summary.bytes)}"
    )
    table.add_row("time", f"{span_in_words(summary.elapsed)}, smallest gap between two requests {gap(summary.min_gap)}")
    console.print(table)


def print_refreshed(console: Console, done: "Refreshed") -> None:
    """What a refresh of the labels brought."""
    table = Table.grid(padding=(0, 2))
    table.add_row("horses", f"{done.held} of {done.horses} with a graph")
    table.add_row("new opinion", f"{counted(done.changed, 'horse')}; {done.unreviewed} without a review")
    table.add_row("requests", f"{done.requests} ({done.not_modified} not modified), {size_in_words(done.bytes)}")
    table.add_row("time", span_in_words(done.elapsed))
    if done.due:
        table.add_row("still due", counted(done.due, "page"))
    console.print(table)


def print_schedule(console: Console, ticks: list[dict[str, Any]]) -> None:
    """The next ticks, and what the last ones led to."""
    if not ticks:
        console.print("Nothing is scheduled: PADDOCK_LABELS_CRON and PADDOCK_BACK_NUMBERS_CRON are empty.")
        return
    table = _table("Schedule", "name", "cron (JST)", "next", "last", "what came of it")
    for tick in ticks:
        came = "no worker has fired it yet"
        if tick["last_at"]:
            came = f"{counted(tick['pages'], 'page')} due, {counted(tick['requests'], 'request')}, "
            came += f"{tick['changed']} new or changed"
            came += f", {tick['failed']} failed" if tick["failed"] else ""
        table.add_row(tick["name"], tick["cron"], _short(tick["next_at"]), _short(tick["last_at"]), came)
    console.print(table)


def print_matches(console: Console, result: "Matched | list[dict[str, Any]] | str") -> None:
    """How photos and horses were matched: all of them, the open ones, or the one decided by hand."""
    if isinstance(result, str):
        console.print(f"decided: horse {result}")
    elif not isinstance(result, list):
        console.print(f"matched  {counted(result.horses, 'photo')} with a horse, {result.races} of them with its race")
        console.print(f"open     {result.open}   (`collector match --review` lists them)")
        console.print(f"by hand  {result.by_hand}")
    elif not result:
        console.print("No photo is open.")
    else:
        table = _table("Open photos", "photo", "horse as printed", "race as printed", "why", "candidates")
        for row in result:
            candidates = ", ".join(row["candidates"])
            table.add_row(row["photo"], row["horse_name"] or "-", row["race_name"] or "-", row["why"], candidates)
        console.print(table)
        console.print("Decide one by hand: `collector match --set PHOTO HORSE`")


def _short(moment: datetime | None) -> str:
    return in_japan(moment, seconds=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print_matched(console: Console, matches: dict[str, Any], labels: dict[str, Any]) -> None:
    if matches["matched"] or matches["open"]:
        console.print(
            titled("Matched", f"{counted(matches['matched'], 'photo')} with their horse, {matches['open']} open")
        )
    if labels["horses"]:
        words = (
            f"{labels['labelled']} of {counted(labels['horses'], 'horse')}, {labels['unreviewed']} without a"
            f" review, {counted(labels['due_now'], 'page')} due; {counted(labels['requests'], 'request')},"
            f" {labels['requests_saved']} saved against asking for each every night"
        )
        console.print(titled("Labels", words))
        if days := labels["interval_days"]:
            console.print(f"        Each is asked for again {_after(days)}")
        console.print()


def _after(days: dict[str, int]) -> str:
    if days["shortest"] == days["longest"]:
        return f"after {counted(days['median'], 'day')}"
    return f"after {days['shortest']} to {counted(days['longest'], 'day')}, half of them within {days['median']}"


def _state(host: dict[str, Any]) -> str:
    """How a host stands, in words."""
    if host["forgotten_at"]:
        return f"forgotten on {in_japan(host['forgotten_at'])}, never asked again"
    state = "open"
    if host["blocked_until"]:
        state = f"closed until {in_japan(host['blocked_until'])}: {host['blocked_reason']}"
    elif host["waiting_for"]:
        until = f" until {in_japan(host['waiting_until'])}" if host["waiting_until"] else ""
        state = f"waiting{until}: {host['waiting_for']}"
    return f"{state}; {host['lane_by']} is at work on it" if host["lane_by"] else state


def print_status(console: Console, facts: dict[str, Any]) -> None:
    """What is held, what is due, how the hosts stand, what failed, and what to do next."""
    held = facts["held"]
    words = (
        f"{counted(held['issues'], 'issue')}, {counted(held['photos_with_picture'], 'photo')}"
        f" of {counted(held['horses'], 'horse')}"
        f" ({held['photos']} listed, {held['copies']} of them copies), {size_in_words(held['bytes'])}"
        f" in {counted(held['blobs'], 'file')}; {counted(held['races'], 'race')}"
        f" with {counted(held['entries'], 'entry')}; {counted(held['requests'], 'request')} so far"
    )
    console.print(titled("Held", words))
    console.print()
    _print_matched(console, facts["matches"], facts["labels"])
    due = _table("Due", "source", "kind", "now", "later", "next at")
    for row in facts["due"]:
        due.add_row(row["source"], row["kind"], str(row["now"]), str(row["later"]), in_japan(row["next_at"]))
    gates = _table("Hosts", "host", "last request", "smallest gap", "delay", "state")
    for row in facts["hosts"]:
        delay = "-" if row["delay_s"] is None else f"{row['delay_s']:g} s ({row['delay_reason']})"
        gates.add_row(row["host"], in_japan(row["last_request_at"]), gap(row["smallest_gap_s"]), delay, _state(row))
    jobs = _table("Asked for and not done", "range", "since", "pages due", "who works on it")
    for row in facts["jobs"]:
        who = "a command that waits for it" if row["attended"] else "workers; or run the same command again"
        jobs.add_row(row["range"], in_japan(row["asked_at"]), str(row["pages_due"]), who)
    failures = _table("Failures", "source", "kind", "state", "count", "reason", "for example")
    for row in facts["failures"]:
        facts_of = row["source"], row["kind"], row["state"], str(row["count"]), row["reason"]
        failures.add_row(*facts_of, stacked(row["samples"]))
    changed = _table("Layout changed", "source", "kind", "field", "before", "now", "for example")
    for row in facts["layout_changed"]:
        shares = f"{row['old_coverage']:.0%}", f"{row['new_coverage']:.0%}"
        changed.add_row(row["source"], row["kind"], row["field"], *shares, stacked(row["samples"]))
    for table in (jobs, due, gates, failures, changed):
        if table.row_count:
            console.print(table)
            console.print()
    for thing in facts["next"]:
        console.print(titled("Next", thing), soft_wrap=True)


def print_changes(console: Console, changes: "Changes", *, dry_run: bool) -> None:
    """What reading everything again changed, or would change."""
    verb = "would change" if dry_run else "changed"
    console.print(
        f"{counted(changes.pages, 'stored page')} read, {changes.unreadable} of them unreadable, no request made."
    )
    for table, counts in changes.rows.items():
        listed = ", ".join(f"{count} {change}" for change, count in counts.items() if count) or "nothing"
        console.print(f"  {table}: {verb} {listed}" if listed != "nothing" else f"  {table}: nothing {verb}s"[:-1])
    if changes.links:
        console.print(f"  {counted(changes.links, 'page')} found that were not known; the next crawl asks for them")
    for sample in changes.samples:
        console.print(f"    {sample}", soft_wrap=True)
    for kind in changes.still_changed:
        console.print(f"Still not understood: {kind}", style="red")


NAMED = 10  # photos that are named


def print_doomed(console: Console, what: str, doomed: "Doomed") -> None:
    """What would be taken out, before somebody is asked whether it should be."""
    if not doomed.known:
        words = f"Nothing of {what} is held here: it is not known, or it is forgotten already."
        console.print(words, soft_wrap=True)
        return
    count = len(doomed.photos)
    words = f"This removes {counted(count, 'photo')} for good"
    if count:
        more = f" and {count - NAMED} more" if count > NAMED else ""
        words += f": {', '.join(doomed.photos[:NAMED])}{more}"
    words += f". {counted(doomed.pages, 'known address')} would never be asked for again."
    if count > 1 and "://" in what:
        words += " They are the same picture, byte for byte, or stand on the same page."
    console.print(words, soft_wrap=True)
    for url in doomed.near_duplicates:
        console.print(f"Looks the same and would stay: {url}", soft_wrap=True)


def print_forgotten(console: Console, forgotten: "Forgotten") -> None:
    """What has been taken out."""
    console.print(
        f"Removed: {counted(forgotten.photos, 'photo')}, {counted(forgotten.blobs, 'stored file')}."
        f" Never asked for again: {counted(forgotten.pages, 'address')}."
    )
    for url in forgotten.near_duplicates:
        console.print(f"Looks the same and is still held: {url}", soft_wrap=True)


def print_robots(console: Console, facts: dict[str, Any]) -> None:
    """Print what robots.txt says of an address, a fact a line."""
    for name, value in facts.items():
        console.print(f"{name.replace('_', ' '):15} {_in_words(value)}", soft_wrap=True)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return in_japan(value)
    return "-" if value is None else str(value)


def print_repacked(console: Console, done: "Repacked") -> None:
    """What became of the archive."""
    table = Table.grid(padding=(0, 2))
    if done.dictionaries:
        table.add_row("dictionaries", f"{done.dictionaries} trained")
    table.add_row("pages", f"{done.pages:,} compressed")
    table.add_row("archive", f"{size_in_words(done.bytes_before)} before, {size_in_words(done.bytes_after)} now")
    console.print(table)
    if not done.is_shrunk:
        words = "Others are at work on the archive: the disk has its space back after `collector archive repack`"
        console.print(f"{words} when they are not.", soft_wrap=True)
    if done.damaged:
        named = ", ".join(done.damaged[:NAMED])
        console.print(f"{len(done.damaged)} damaged, left as they are (SHA-256): {named}", soft_wrap=True)
