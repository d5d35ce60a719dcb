"""Where the texts of the trainer's page are."""

from pathlib import Path

from collector.console.catalogue import SERVERS, Catalogue

PAGES = Catalogue(Path(__file__).parents[1] / "locale", "pages", SERVERS)
