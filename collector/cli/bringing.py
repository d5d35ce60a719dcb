"""What the ways of importing share: the connection, an interruption, and the report in words."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from collector.cli.base import run

if TYPE_CHECKING:
    from rich.console import Console

    from collector.console.steps import Steps
    from collector.imports.report import Report
    from collector.politeness.gate import Connection
    from collector.settings import Settings

HISTORY = "only kept as history: what is held came later, or nobody knows"
SAVED_ANEW = (
    "is UTF-8, although it names another charset; it is read as UTF-8",
    "are UTF-8, although they name another charset; they are read as UTF-8",
)
NOT_READ = (
    "archived and not read: the layout of its kind has changed",
    "archived and not read: the layout of their kind has changed",
)
ELSEWHERE = (
    "race at another racecourse than the JRA's is left out: its id is made another way",
    "races at other racecourses than the JRA's are left out: their ids are made another way",
)

AnyReport = TypeVar("AnyReport", bound="Report")


def imported(
    settings: "Settings", steps: "Steps", bring: "Callable[[Connection], Awaitable[AnyReport]]"
) -> "AnyReport":
    """Bring what there is, on one connection."""
    from collector.cli.session import connected

    with connected(settings) as connect:

        async def main() -> "AnyReport":
            async with await connect() as connection:
                return await bring(connection)

        try:
            with steps:
                return run(main())
        except KeyboardInterrupt:
            steps.console.print("Interrupted; what was brought is kept, the same command goes on from here.")
            raise


def print_report(console: "Console", report: "Report", things: str, *, dry_run: bool) -> None:
    """What was brought, what was held already, and what was left out and why."""
    from collector.codes import Aside
    from collector.console.code_words import describe
    from collector.console.wording import counted

    verb = "would be brought" if dry_run else "brought"
    counts = report.standings
    console.print(f"{report.brought} {things} {verb}, {counts['known']} known before; no request made.")
    for (source, kind), count in sorted(report.kinds.items()):
        console.print(f"  {source}: {count} {kind}")
    deleted = ", ".join(report.deleted[:5])
    for count, one, more in (
        (counts["older"] + counts["undated"], HISTORY, HISTORY),
        (counts["confirmed"], "says the same as what is held", "say the same as what is held"),
        (report.gone, "says that there is no such page", "say that there is no such page"),
        (report.saved_anew, *SAVED_ANEW),
        (report.not_read, *NOT_READ),
        (report.elsewhere, *ELSEWHERE),
        (report.orphans, "entry is left out: its race is not there", "entries are left out: their race is not there"),
        (len(report.deleted), f"race stays here although JRA-VAN has taken it back: {deleted}",
         f"races stay here although JRA-VAN has taken them back: {deleted}"),
    ):  # fmt: skip
        if count:
            console.print(f"  {counted(count, one, more)}", soft_wrap=True)
    for code, count in report.left_out.most_common():
        console.print(f"Left out: {count} {Aside(code)}", soft_wrap=True)
        for file, detail in report.names[code]:
            console.print(f"    {file}: {describe(Aside, code, detail)}", soft_wrap=True)
        if count > len(report.names[code]):
            console.print("    ... (--json names all)")
