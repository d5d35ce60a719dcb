"""Training jobs: what they are, what they print, what they ship and bring back; their engine in the same schema.

A schema of its own, because workers of the collector take whatever is queued in theirs. Not among the models either:
only `trainer` knows these tables, and the collector is installed without it.
"""

import psycopg
from alembic import op
from procrastinate.schema import SchemaManager

revision: str = "0006"
down_revision: str | None = "0005"

TABLES = """
CREATE TABLE bundle (
    digest text PRIMARY KEY, kind text NOT NULL, size bigint NOT NULL, made_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE bundle_part (
    digest text NOT NULL REFERENCES bundle ON DELETE CASCADE, number integer NOT NULL, content bytea NOT NULL,
    PRIMARY KEY (digest, number)
);
ALTER TABLE bundle_part ALTER content SET STORAGE EXTERNAL;
CREATE TABLE training_job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    task jsonb NOT NULL,
    place text NOT NULL,
    queue text NOT NULL,
    gpus integer NOT NULL,
    code text REFERENCES bundle,
    data text,
    state text NOT NULL DEFAULT 'queued',
    reason text NOT NULL DEFAULT '',
    machine text,
    engine_job bigint,
    stop_asked boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    seconds double precision NOT NULL DEFAULT 0,
    exit_code integer,
    output text REFERENCES bundle,
    log_bytes bigint NOT NULL DEFAULT 0
);
CREATE INDEX training_job_state ON training_job (state);
CREATE TABLE training_log (
    job_id bigint NOT NULL REFERENCES training_job ON DELETE CASCADE,
    start bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(), content bytea NOT NULL,
    PRIMARY KEY (job_id, start)
);
CREATE TABLE machine (
    name text PRIMARY KEY, gpus text[] NOT NULL, slots integer NOT NULL, fleet boolean NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""


def upgrade() -> None:
    # Straight to the driver: the scripts hold many statements, and colons that are no parameters.
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    connection.execute("CREATE SCHEMA training")
    connection.execute("SET LOCAL search_path TO training, public")
    connection.execute(SchemaManager.get_schema())
    connection.execute(TABLES)
    connection.execute("SET LOCAL search_path TO public, procrastinate")


def downgrade() -> None:
    if op.get_bind().exec_driver_sql("SELECT EXISTS (SELECT FROM training.training_job)").scalar():
        raise RuntimeError("There are training jobs, which would be lost: `trainer job delete --all` removes them.")
    op.execute("DROP SCHEMA training CASCADE")
