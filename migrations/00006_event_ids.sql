-- An event id is used once. Each partition has an index of its own that sees to it, since PostgreSQL can't
-- have one over all of them without the partition key in it: an id of an older partition is not noticed.
-- An append that uses one again raises unique_violation, and its caller looks for the event to blame. It is
-- an error of a program. A retry never comes that far: it loses at the row of its stream.

CREATE FUNCTION orderloom.index_event_ids(partition text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX %I ON orderloom.%I (event_id)', partition || '_event_id', partition);
END $$;

-- As before, and with that index.
CREATE OR REPLACE FUNCTION orderloom.ensure_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    span  bigint;
    ahead integer;
    next  bigint;
    lower bigint;
    name  text;
    made  integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7308613002);
    SELECT s.partition_span, s.partitions_ahead INTO span, ahead FROM orderloom.store s;
    SELECT last_value + 1 INTO next FROM orderloom.event_sequence;
    LOOP
        SELECT coalesce(max(p.to_sequence), 0) INTO lower FROM orderloom.partitions p;
        EXIT WHEN lower > next + span * ahead;
        name := 'events_' || to_char(lower, 'FM0000000000000');
        EXECUTE format('CREATE TABLE orderloom.%I (LIKE orderloom.events INCLUDING ALL, CONSTRAINT bounds CHECK (sequence >= %s AND sequence < %s))',
            name, lower, lower + span);
        -- Loads a stream, and is the last line of defence: no version of a stream twice.
        EXECUTE format('CREATE UNIQUE INDEX %I ON orderloom.%I (aggregate_id, version)', name || '_stream', name);
        PERFORM orderloom.index_event_ids(name);
        EXECUTE format('ALTER TABLE orderloom.events ATTACH PARTITION orderloom.%I FOR VALUES FROM (%s) TO (%s)', name, lower, lower + span);
        EXECUTE format('ALTER TABLE orderloom.%I DROP CONSTRAINT bounds', name);
        INSERT INTO orderloom.partitions (name, from_sequence, to_sequence) VALUES (name, lower, lower + span);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- Partitions that still take events get the index now: appends wait until it is made, some seconds for the
-- millions of events that a partition may hold. One in which an id was used twice before goes without it.
DO $$
DECLARE
    p record;
BEGIN
    FOR p IN SELECT name FROM orderloom.partitions
        WHERE archived_at IS NULL AND to_sequence > (SELECT last_value FROM orderloom.event_sequence) ORDER BY from_sequence
    LOOP
        BEGIN
            PERFORM orderloom.index_event_ids(p.name);
        EXCEPTION WHEN unique_violation THEN
            RAISE WARNING 'an event id stands twice in %, which therefore goes without a unique index of them: %', p.name, SQLERRM;
        END;
    END LOOP;
END $$;
