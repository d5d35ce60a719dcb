"""Attempts at a job are numbered, and only the newest may write; the line of jobs is `training_job` itself.

A claim hands out the attempt's number in one statement, and knows how many GPUs a job wants and a machine has free,
which a queue of the engine's cannot say: so the engine's tables are gone from this schema. `beat` counts while an
attempt is alive; `output_attempt` is the attempt that what is kept came from, and `kills` counts the attempts whose
process was killed; a machine is `working` until its engine says that it ends.
"""

import psycopg
from alembic import op
from procrastinate.schema import SchemaManager

revision: str = "0010"
down_revision: str | None = "0009"

UP = """
ALTER TABLE training.training_job
    ADD beat bigint NOT NULL DEFAULT 0,
    ADD output_attempt integer NOT NULL DEFAULT 0,
    ADD kills integer NOT NULL DEFAULT 0,
    DROP engine_job;
ALTER TABLE training.machine ADD working boolean NOT NULL DEFAULT true;
UPDATE training.training_job SET output_attempt = attempts WHERE output IS NOT NULL;
DO $$
DECLARE
    thing text;
BEGIN
    FOR thing IN SELECT oid::regclass FROM pg_class
                 WHERE relnamespace = 'training'::regnamespace AND relkind = 'r' AND relname LIKE 'procrastinate%' LOOP
        EXECUTE format('DROP TABLE %s CASCADE', thing);
    END LOOP;
    FOR thing IN SELECT oid::regprocedure FROM pg_proc
                 WHERE pronamespace = 'training'::regnamespace AND proname LIKE 'procrastinate%' LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', thing);
    END LOOP;
    FOR thing IN SELECT oid::regtype FROM pg_type
                 WHERE typnamespace = 'training'::regnamespace AND typtype IN ('c', 'e')
                   AND typname LIKE 'procrastinate%' LOOP
        EXECUTE format('DROP TYPE %s CASCADE', thing);
    END LOOP;
END $$
"""
DOWN = """
ALTER TABLE training_job ADD engine_job bigint, DROP beat, DROP output_attempt, DROP kills;
ALTER TABLE machine DROP working;
UPDATE training_job SET state = 'queued', started_at = NULL WHERE state = 'running';
WITH handed AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, args)
    SELECT queue, 'training_job', jsonb_build_object('job_id', id) FROM training_job
    WHERE state = 'queued' ORDER BY id RETURNING id, args
)
UPDATE training_job SET engine_job = handed.id FROM handed WHERE training_job.id = (handed.args->>'job_id')::bigint
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    # Straight to the driver: the engine's script holds many statements, and colons that are no parameters.
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    connection.execute("SET LOCAL search_path TO training, public")
    connection.execute(SchemaManager.get_schema())
    connection.execute(DOWN)
    connection.execute("SET LOCAL search_path TO public, procrastinate")
