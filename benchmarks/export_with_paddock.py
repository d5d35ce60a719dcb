"""Exports with this project: sides, checks of every digest, card and manifest included."""

import sys
from pathlib import Path

from trainer.dataset.export import Request, export

conninfo, _, out = sys.argv[1:]
version = export(conninfo, Path(out), Request())
print(sum(version.manifest.photos.values()))
