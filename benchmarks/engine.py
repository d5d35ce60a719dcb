"""What the engine of training jobs costs: from `trainer job run` to the job's first word, its memory, and its end.

    python benchmarks/engine.py [--rounds 5]

On an empty home with the embedded Postgres, whose making is not counted. The job says one word; afterwards everything
has to be gone again, Postgres included.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE = 60.0  # seconds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o711)  # Postgres runs as another user where we are root
        home, project = place / "home", place / "project"
        project.mkdir()
        subprocess.run(["git", "init", "-q", str(project)], check=True)
        (project / "readme").write_text("nothing\n")
        environment = os.environ | {"PADDOCK_HOME": str(home)}  # noqa: TID251
        run(["job", "list"], project, environment)  # which makes the database
        costs = [one_round(project, home, environment) for _ in range(rounds)]
    names = ("queued", "first word", "all gone", "engine MB")
    print("| seconds until | median | most |\n|---|--:|--:|")
    for name, values in zip(names, zip(*costs, strict=True), strict=True):
        print(f"| {name} | {statistics.median(values):.1f} | {max(values):.1f} |")


def run(words: list[str], project: Path, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "trainer", *words]
    return subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True, text=True).stdout


def one_round(project: Path, home: Path, environment: dict[str, str]) -> tuple[float, float, float, float]:
    """Seconds to the job's being queued, to its first word and to the end of all processes; megabytes of the engine."""
    began = time.monotonic()
    script = f"date +%s.%N > {project}/began; cat /proc/$(ps -o ppid= -p $PPID | tr -d ' ')/status > {project}/engine"
    clock = time.time()
    name = json.loads(run(["job", "run", "--json", "--", "sh", "-c", script], project, environment))["name"]
    queued = time.monotonic() - began
    run(["job", "logs", "-f", name], project, environment)
    first_word = float((project / "began").read_text()) - clock
    peak = (project / "engine").read_text().partition("VmHWM:")[2].split()[0]
    while (home / "postgres" / "data" / "postmaster.pid").exists():
        if time.monotonic() - began > PATIENCE:
            raise SystemExit("Something goes on running although nothing is left to do.")
        time.sleep(0.05)
    return queued, first_word, time.monotonic() - began, int(peak) / 1000


if __name__ == "__main__":
    main()
