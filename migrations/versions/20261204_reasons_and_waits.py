"""What a host's lane waits for, and why a training job is in its state, become codes with their details.

A sentence that none below fits is kept as the detail of `other`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"

# The first sentence that fits gives the code. What stands in braces is the detail.
WAITS = {
    "next_request": "the next request, {seconds} s after the last ({delay})",
    "earlier_request": "the end of an earlier lane's request, which may still be open",
    "robots": "the answer to a look at robots.txt",
    "answer": "the answer to {url}",
    "next_try": "another try of {url}",
    "redirect": "as the redirect to {url} asks",
    "opening": "outside the opening hours",
    "open_request": "a request of an earlier lane may still be open",
    "breakdown": "its lane broke off ({error})",
    "database": "the database ({error})",
    "database_answer": "the database's answer",
    "other": "{detail}",
}
DELAYS = {
    "own": "our own crawl delay",
    "crawl_delay": "Crawl-delay of robots.txt",
    "request_rate": "Request-rate of robots.txt",
    "slow_answer": "five times the last answer's duration",
    "loopback": "a site on this machine",
}
REASONS = {
    "engine_gone": "its engine was gone; it continues from its last checkpoint",
    "engine_gone_stopping": "its engine was gone",
    "engine_stopped": "its engine was stopped",
    "out_of_touch": "its engine was out of touch; it continues from its last checkpoint",
    "killed": "its process was killed; it continues from its last checkpoint",
    "killed_too_often": "its process was killed {times} times; is the memory enough?",
    "driver_killed": "its driver was killed; the next one finds the rented machine by name",
    "driver_lost": "its driver was killed; should it still run and cost: sky jobs cancel -n {rented}",
    "stopped": "stopped by hand",
    "stopped_early": "stopped before it began",
    "limit": "its limit of {limit} is reached",
    "no_program": "it ended with exit code {exit_code}, as if a program was not found; its log says which",
    "exit_code": "it ended with exit code {exit_code}",
    "not_continued": "The job could not continue ({error}).",
    "not_kept": "what it made or printed could not be kept ({error}); it is in {folder}, and `trainer job resume {job}`"
    " tries it again",
    "not_run": "it could not be run or kept: {error} (the engine's log has more)",
    "run_exists": "its run is in its output only: another run has that name",
    "other": "{detail}",
}
SINCE = {"not_started": "{error}"}  # a code that no old sentence gets, as it has no words of its own
STILL_RENTED = " Should an earlier attempt still run and cost: sky jobs cancel -n {rented}"
HOSTS = "SELECT name AS id, waiting AS sentence FROM host WHERE waiting IS NOT NULL"
JOBS = "SELECT id, reason AS sentence FROM training.training_job WHERE reason <> ''"
WAIT = "UPDATE host SET waiting = :code, waiting_detail = CAST(:detail AS jsonb) WHERE name = :id"
REASON = """
UPDATE training.training_job SET reason = :code, reason_detail = CAST(:detail AS jsonb) WHERE id = :id
"""


def _detail_of(sentence: str, template: str) -> dict[str, Any] | None:
    """What stands in a sentence in place of the names in braces; None where the template does not fit."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
    found = re.fullmatch(pattern, sentence, re.DOTALL)
    return found.groupdict() if found else None


def _to_code(sentence: str, templates: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    found = ((code, _detail_of(sentence, template)) for code, template in templates.items())
    code, detail = next((code, detail) for code, detail in found if detail is not None)
    if "delay" in detail:
        detail["delay"] = next((delay for delay, words in DELAYS.items() if words == detail["delay"]), detail["delay"])
    detail.pop("job", None)  # the row has its name
    return code, detail


def _translate(rows: str, update: str, templates: Mapping[str, str]) -> None:
    connection = op.get_bind()
    for row_id, sentence in connection.execute(sa.text(rows)).all():
        code, detail = _to_code(sentence, templates)
        connection.execute(sa.text(update), {"id": row_id, "code": code, "detail": json.dumps(detail)})


def _to_sentence(code: str, detail: dict[str, Any], templates: Mapping[str, str]) -> str:
    if code not in templates:
        return code
    if "delay" in detail:
        detail["delay"] = DELAYS.get(detail["delay"], detail["delay"])
    template = templates[code] + (STILL_RENTED if "rented" in detail and "error" in detail else "")
    return template.format_map(defaultdict(lambda: "-", detail))


def upgrade() -> None:
    op.execute("ALTER TABLE host ADD waiting_detail jsonb NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE training.training_job ADD reason_detail jsonb NOT NULL DEFAULT '{}'")
    _translate(HOSTS, WAIT, WAITS)
    _translate(JOBS, REASON, REASONS)


def downgrade() -> None:
    connection = op.get_bind()
    # A wait lasts for minutes, and a lane writes its own anew.
    op.execute("UPDATE host SET waiting = NULL, waiting_until = NULL")
    rows = connection.execute(sa.text("SELECT id, name, reason, reason_detail FROM training.training_job"))
    for job, name, code, detail in rows.all():
        sentence = _to_sentence(code, detail | {"job": name}, REASONS | SINCE)
        update = sa.text("UPDATE training.training_job SET reason = :sentence WHERE id = :job")
        connection.execute(update, {"job": job, "sentence": sentence})
    op.execute("ALTER TABLE training.training_job DROP reason_detail")
    op.execute("ALTER TABLE host DROP waiting_detail")
