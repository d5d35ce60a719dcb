"""The look-alike site alone, and a day with a camera in its world: demo-site, demo-camera."""

from pathlib import Path
from typing import Annotated

import typer

from collector.cli.base import group
from collector.errors import UsageError

commands = group()


@commands.add("demo-site", demo=False, json=False)
def serve_look_alike(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, metavar="PORT", help="Port; PADDOCK_DEMO_PORT unless given.")
    ] = None,
    issues: Annotated[int, typer.Option(min=1, max=50, metavar="N", help="Issues a year.")] = 8,
    photos: Annotated[int, typer.Option(min=1, max=17, metavar="N", help="Photos an issue, at most.")] = 10,
    crawl_delay: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Crawl-delay of its robots.txt.")] = 0.03,
    hostile: Annotated[
        list[str] | None,
        typer.Option(metavar="FAULT", help="A fault to show; more than once; `--hostile help` lists them."),
    ] = None,
) -> None:
    """Serve the look-alike site alone, until stopped.

    It behaves well, or shows the faults that --hostile names.

    Example: collector demo-site --port 8900 --hostile 503@/keibabook/1601*
    """
    from collector.console.terminal import stdout
    from collector.demo.faults.hostile import list_faults
    from collector.demo.site import run
    from collector.settings import load_settings

    if "help" in (hostile or []):
        for line in list_faults():
            stdout().print(line, soft_wrap=True)
        return
    run(
        host=host, port=port or load_settings().demo_port, issues=issues, photos=photos, crawl_delay=crawl_delay,
        hostile=hostile or [],
    )  # fmt: skip


@commands.add("demo-camera", demo=False, json=False)
def write_camera_day(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write; a new one.")],
) -> None:
    """Write a camera's folder of a day in the look-alike's world.

    It has the paddocks of two races, a clock that is slow, and a photo of one that is right.

    Example: collector demo-camera camera/
    """
    from collector.console.terminal import stdout
    from collector.demo.camera_day import CLOCK, CLOCK_SHOWS, write_day

    if folder.exists():
        raise UsageError(f"{folder} is there already; name a folder that is not.")
    try:
        races = write_day(folder)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from error
    names = " and ".join(f"{race.racecourse} {race.number}R" for race in races)
    stdout().print(f"{folder} has photos of {races[0].day}, {names}. Bring them:", soft_wrap=True)
    shows = f"{CLOCK_SHOWS.seconds // 3600}:{CLOCK_SHOWS.seconds // 60 % 60:02}:00"
    course = races[0].racecourse
    stdout().print(
        f"collector import --demo --camera {folder} --course {course} --clock {CLOCK}={shows}"
        " --photographer Demo --rights CC-BY-4.0",
        soft_wrap=True,
    )
