"""What the commands that judge a run do: load it, call one function, print one result."""

from trainer.command_base import places, print_json, stdout
from trainer.device import Device
from trainer.evaluate import evaluate as judge
from trainer.evaluate import version_of
from trainer.examples import Side
from trainer.report import print_evaluation, write_report
from trainer.runs import find_run


def evaluate(word: str, side: str, device_name: str, *, as_json: bool, demo: bool) -> None:
    """`trainer evaluate`."""
    where = places(demo=demo)
    run = find_run(where.runs, word)
    device = Device.find(device_name, run.config.precision)
    evaluation, answered = judge(run, Side(side), where, device)
    page = write_report(run.folder / f"evaluation-{side}", evaluation, answered, version_of(run, where))
    if as_json:
        print_json(evaluation.as_json() | {"report": page})
        return
    print_evaluation(stdout(), evaluation)
    stdout().print(f"With plots: {page}", soft_wrap=True)
