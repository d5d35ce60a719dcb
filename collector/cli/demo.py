"""The look-alike site alone: demo-site."""

from typing import Annotated

import typer

from collector.cli.base import group

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
        stdout().print(list_faults(), soft_wrap=True)
        return
    run(
        host=host, port=port or load_settings().demo_port, issues=issues, photos=photos, crawl_delay=crawl_delay,
        hostile=hostile or [],
    )  # fmt: skip
