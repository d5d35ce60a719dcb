"""The gate as functions: who may ask a host, and when, decided in one place on the database's clock.

A lane (one job that works on one host) takes a new epoch when it starts; every later call with an older one
raises SQLSTATE PD001, so that a frozen process which wakes up again can neither ask nor store.
Whether a lane's process is alive is told by an advisory lock that its session holds: it goes when that goes.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"

FUNCTIONS = (
    """
    CREATE FUNCTION lane_lock(job_id bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
    $$ SELECT 1885430884::bigint << 32 | (job_id & 4294967295) $$
    """,
    """
    CREATE FUNCTION lane_alive(job_id bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT EXISTS (SELECT FROM pg_locks
                       WHERE locktype = 'advisory' AND objsubid = 1 AND granted
                         AND classid::bigint = 1885430884 AND objid::bigint = (job_id & 4294967295)
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    $$
    """,
    """
    CREATE FUNCTION take_lane(host_name text, job_id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        taken bigint;
    BEGIN
        -- A request of a process that is gone is closed; one of a frozen process may still be open.
        UPDATE host SET epoch = epoch + 1, lane_job = job_id,
                        open_until = CASE WHEN lane_alive(lane_job) THEN open_until END
        WHERE name = host_name RETURNING epoch INTO taken;
        RETURN taken;
    END $$
    """,
    """
    CREATE FUNCTION hold_lane(host_name text, lane_epoch bigint) RETURNS host LANGUAGE plpgsql AS $$
    DECLARE
        gate host;
    BEGIN
        SELECT * INTO gate FROM host WHERE name = host_name FOR UPDATE;
        IF gate.epoch IS DISTINCT FROM lane_epoch THEN
            RAISE EXCEPTION 'another lane has taken over %', host_name USING ERRCODE = 'PD001';
        END IF;
        RETURN gate;
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
            UPDATE host SET next_at = slot + make_interval(secs => spacing),
                            open_until = slot + make_interval(secs => open_for)
            WHERE name = host_name;
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION renew_slot(host_name text, lane_epoch bigint, spacing float8, open_for float8)
        RETURNS timestamptz LANGUAGE plpgsql AS $$
    DECLARE
        gate host := hold_lane(host_name, lane_epoch);
        moment timestamptz := clock_timestamp();
    BEGIN
        IF gate.blocked_until > moment THEN
            RETURN NULL;
        END IF;
        UPDATE host SET next_at = moment + make_interval(secs => spacing),
                        open_until = moment + make_interval(secs => open_for)
        WHERE name = host_name;
        RETURN moment;
    END $$
    """,
    """
    CREATE FUNCTION finish_slot(host_name text, lane_epoch bigint, started_at timestamptz,
                                next_delay float8, why text) RETURNS float8 LANGUAGE plpgsql AS $$
    DECLARE
        gate host := hold_lane(host_name, lane_epoch);
        gap float8 := EXTRACT(EPOCH FROM started_at - gate.last_request_at);
    BEGIN
        UPDATE host SET open_until = NULL, last_request_at = started_at,
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
        UPDATE host SET next_at = slot, open_until = NULL WHERE name = host_name;
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
        wait float8;
    BEGIN
        IF gate.blocked_until + interval '30 minutes' < moment THEN
            incident := 0;  -- forgiven after thirty quiet minutes
        END IF;
        IF gate.blocked_until IS NULL OR gate.blocked_until <= moment THEN
            incident := incident + 1;  -- failures inside one block are one incident
        END IF;
        -- Numbers after StormCrawler: 60 s, doubled with each incident up to a day, a tenth of jitter.
        wait := COALESCE(retry_after, LEAST(60 * 2 ^ LEAST(incident - 1, 20), 86400) * (1 + random() / 10));
        UPDATE host SET blocked_until = GREATEST(gate.blocked_until, moment + make_interval(secs => wait)),
                        incidents = incident, last_incident_at = moment, reason = why, open_until = NULL
        WHERE name = host_name RETURNING host.blocked_until INTO moment;
        RETURN moment;
    END $$
    """,
)


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))


def downgrade() -> None:
    for function in reversed(FUNCTIONS):
        name = function.split("(")[0].removeprefix("\n    CREATE FUNCTION ")
        op.execute(f"DROP FUNCTION {name}")
