"""`collector archive`: what is held of every answer, as it came."""

from typing import TYPE_CHECKING

from collector.cli.base import group, read_settings, run
from collector.console.common import common
from collector.errors import ExitCode

if TYPE_CHECKING:
    from collector.pipeline.repack import Repacked

commands = group("The archive: every answer as it came.")


@commands.add("repack")
def repack_pages() -> ExitCode:
    """Compress what is held as well as it can be.

    A dictionary is trained for each kind of pages that is held a hundred times, but for pages that show a photo. A page
    of 80 kB then takes three. It can be interrupted at any time, and goes on where it was.

    Example: collector archive repack
    """
    from collector.cli.report import print_repacked
    from collector.cli.session import connected
    from collector.console.as_json import print_json
    from collector.console.steps import Steps
    from collector.console.terminal import stderr, stdout
    from collector.pipeline.repack import repack

    steps = Steps(stderr(), "pages")
    with connected(read_settings()) as connect:

        async def main() -> "Repacked":
            async with await connect() as connection:
                return await repack(connection, steps.show)

        try:
            with steps:
                repacked = run(main())
        except KeyboardInterrupt:
            stderr().print("Interrupted; what was compressed stays so, and the next run goes on from there.")
            raise
    if common().json:
        print_json(repacked.as_json())
    else:
        print_repacked(stdout(), repacked)
    return ExitCode.SOME_FAILED if repacked.damaged else ExitCode.DONE
