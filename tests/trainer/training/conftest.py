"""The tests of training look at few photos."""

from tests.trainer.few import directories, version

__all__ = ["directories", "version"]
