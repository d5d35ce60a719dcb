"""The gate knows which process may have a request open, and which slot is reserved; one request is one row.

A successor waits for the open request of a lane unless that lane's process is known to be gone: a session that was
cut proves nothing. A slot is given back only by its own moment. A slot that was slept for is looked at again before
its use: the host may have been closed or forgotten. Nothing brings us back sooner than our own back-off.

Redirects to elsewhere used to be logged twice, as two requests without a pause between them: healed.
"""

import importlib.util
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"

CHANGED = ("take_lane", "reserve_slot", "renew_slot", "finish_slot", "release_slot", "block_host")
FUNCTIONS = (
    """
    CREATE FUNCTION take_lane(host_name text, job_id bigint, new_holder text, gone text) RETURNS bigint
        LANGUAGE plpgsql AS $$
    DECLARE
        taken bigint;
    BEGIN
        UPDATE host SET epoch = epoch + 1, lane_job = job_id, holder = new_holder, slot_at = NULL,
                        open_until = CASE WHEN asker = gone AND NOT lane_alive(lane_job) THEN NULL ELSE open_until END
        WHERE name = host_name RETURNING epoch INTO taken;
        RETURN taken;
    END $$
    """,
    """
    CREATE FUNCTION reserve_slot(host_name text, lane_epoch bigint, spacing float8, open_for float8,
                                 OUT slot timestamptz, OUT wait float8,
                                 OUT closed_until timestamptz, OUT reason text) LANGUAGE plpgsql AS $$
    DECLARE
        gate host := hold_lane(host_name, lane_epoch);
        moment timestamptz := clock_timestamp();
    BEGIN
        IF gate.excluded_at IS NOT NULL THEN
            closed_until := 'infinity';
            reason := 'forgotten on request';
        ELSIF gate.blocked_until > moment THEN
            closed_until := gate.blocked_until;
            reason := gate.reason;
        ELSE
            slot := GREATEST(gate.next_at, gate.open_until, moment);  -- GREATEST passes over NULL
            wait := EXTRACT(EPOCH FROM slot - moment);
            UPDATE host SET asker = holder, slot_at = slot, next_at = slot + make_interval(secs => spacing),
                            open_until = slot + make_interval(secs => open_for)
            WHERE name = host_name;
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION renew_slot(host_name text, lane_epoch bigint, slot timestamptz, spacing float8, open_for float8,
                               late float8, OUT starts timestamptz,
                               OUT closed_until timestamptz, OUT reason text) LANGUAGE plpgsql AS $$
    DECLARE
        gate host := hold_lane(host_name, lane_epoch);
        moment timestamptz := clock_timestamp();
    BEGIN
        IF gate.excluded_at IS NOT NULL THEN
            closed_until := 'infinity';
            reason := 'forgotten on request';
        ELSIF gate.blocked_until > moment THEN
            closed_until := gate.blocked_until;
            reason := gate.reason;
        ELSIF spacing > 0 AND moment > slot + make_interval(secs => late) THEN
            starts := moment;
            UPDATE host SET asker = holder, slot_at = moment, next_at = moment + make_interval(secs => spacing),
                            open_until = moment + make_interval(secs => open_for)
            WHERE name = host_name;
        ELSE
            starts := slot;
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION finish_slot(host_name text, lane_epoch bigint, started_at timestamptz,
                                next_delay float8, why text) RETURNS float8 LANGUAGE plpgsql AS $$
    DECLARE
        gate host := hold_lane(host_name, lane_epoch);
        gap float8 := EXTRACT(EPOCH FROM started_at - gate.last_request_at);
    BEGIN
        UPDATE host SET slot_at = NULL, open_until = NULL, last_request_at = started_at,
                        smallest_gap = LEAST(smallest_gap, gap),
                        next_at = GREATEST(next_at, started_at + make_interval(secs => next_delay)),
                        delay = next_delay, delay_reason = why
        WHERE name = host_name;
        RETURN gap;
    END $$
    """,
    """
    CREATE FUNCTION release_slot(host_name text, lane_epoch bigint, slot timestamptz) RETURNS float8
        LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM hold_lane(host_name, lane_epoch);
        UPDATE host SET slot_at = NULL, next_at = slot, open_until = NULL WHERE name = host_name AND slot_at = slot;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION block_host(host_name text, lane_epoch bigint, retry_after float8, why text)
        RETURNS timestamptz LANGUAGE plpgsql AS $$
    DECLARE
        gate host := hold_lane(host_name, lane_epoch);
        moment timestamptz := clock_timestamp();
        incident integer := gate.incidents;
        own float8;
        wait float8;
    BEGIN
        IF gate.blocked_until + interval '30 minutes' < moment THEN
            incident := 0;  -- forgiven after thirty quiet minutes
        END IF;
        IF gate.blocked_until IS NULL OR gate.blocked_until <= moment THEN
            incident := incident + 1;  -- failures inside one block are one incident
        END IF;
        -- Numbers after StormCrawler: 60 s, doubled with each incident up to a day, a tenth of jitter.
        own := LEAST(60 * 2 ^ LEAST(incident - 1, 20), 86400) * (1 + random() / 10);
        wait := GREATEST(retry_after, own);  -- which passes over NULL
        UPDATE host SET blocked_until = GREATEST(gate.blocked_until, moment + make_interval(secs => wait)),
                        incidents = incident, last_incident_at = moment, reason = why,
                        slot_at = NULL, open_until = NULL
        WHERE name = host_name RETURNING host.blocked_until INTO moment;
        RETURN moment;
    END $$
    """,
)
# The row that stays has the pause before the request; the other one knew what came of it.
HEAL = """
WITH twice AS (
    SELECT first.id AS first_id, second.* FROM fetch_log AS first JOIN fetch_log AS second
        ON second.at = first.at AND second.page_id = first.page_id AND second.id > first.id
    WHERE first.outcome = 'redirect' AND second.gap = 0),
told AS (
    UPDATE fetch_log SET outcome = twice.outcome, error = twice.error FROM twice WHERE fetch_log.id = twice.first_id),
one AS (DELETE FROM fetch_log USING twice WHERE fetch_log.id = twice.id RETURNING fetch_log.id, fetch_log.host)
UPDATE host SET smallest_gap = (
    SELECT min(gap) FROM fetch_log WHERE fetch_log.host = host.name AND id NOT IN (SELECT id FROM one))
WHERE name IN (SELECT host FROM one)
"""


def _replace(functions: list[str]) -> None:
    for name in CHANGED:
        op.execute(f"DROP FUNCTION {name}")
    for function in functions:
        op.execute(sa.text(function.replace(":=", r"\:=")))


def _before() -> list[str]:
    """The same functions as the revision `gate` made them."""
    spec = importlib.util.spec_from_file_location("gate", Path(__file__).with_name("20261123_gate.py"))
    assert spec is not None
    assert spec.loader is not None
    gate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gate)
    return [function for function in gate.FUNCTIONS if any(f"FUNCTION {name}(" in function for name in CHANGED)]


def upgrade() -> None:
    op.add_column("host", sa.Column("holder", sa.String(), nullable=True))
    op.add_column("host", sa.Column("asker", sa.String(), nullable=True))
    op.add_column("host", sa.Column("slot_at", sa.DateTime(timezone=True), nullable=True))
    _replace(list(FUNCTIONS))
    op.execute(HEAL)


def downgrade() -> None:
    _replace(_before())
    op.drop_column("host", "slot_at")
    op.drop_column("host", "asker")
    op.drop_column("host", "holder")
