"""Sources whose names are taken."""

from dataclasses import replace

from tests.toy_source.toy import TOY

SECOND = replace(TOY, name="keibado")
OTHER_TOY = replace(TOY, title="Another toy")
