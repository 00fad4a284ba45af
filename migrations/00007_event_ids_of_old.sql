-- An event id is used once in all partitions. The index of each partition sees to it within that partition. For
-- the older ones, which are full, whoever appends knows from a Bloom filter of each which ids they surely do
-- not hold, and looks for the few others. Archived partitions are not looked into.

CREATE TABLE orderloom.event_id_filters (
    partition text  NOT NULL PRIMARY KEY REFERENCES orderloom.partitions (name),
    filter    bytea NOT NULL -- github.com/bits-and-blooms/bloom, its binary form
);
ALTER TABLE orderloom.event_id_filters ALTER COLUMN filter SET STORAGE EXTERNAL; -- it does not compress

-- As before, and with reach: up to that number the caller knows the event ids of the partitions before. What
-- would get it, or one above, is refused with OL001.
DROP FUNCTION orderloom.append;
CREATE FUNCTION orderloom.append(
    s_new integer, s_any integer,
    s_group integer[], s_id uuid[], s_type text[], s_expected bigint[], s_count integer[],
    e_stream integer[], e_ordinal integer[], e_aggregate_id uuid[], e_aggregate_type text[],
    e_id uuid[], e_type text[], e_schema integer[], e_time timestamptz[],
    e_correlation text[], e_causation text[], e_user text[], e_trace text[], e_payload jsonb[],
    reach bigint,
    OUT status smallint[], OUT version bigint[], OUT positions bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    wanted   integer := cardinality(s_id);
    won      integer := 0;
    n        integer;
    base     bigint[] := s_expected;
    earlier  bigint[];
BEGIN
    -- Held until the commit has become visible, and taken before a number is: whoever reads the last number
    -- and then sees this lock free knows that everything up to that number is visible.
    PERFORM pg_advisory_xact_lock_shared(7308613, 1);
    IF s_new < wanted THEN
        UPDATE orderloom.streams s SET version = s.version + c.n
        FROM (SELECT unnest(s_id) AS id, unnest(s_type) AS type, unnest(s_expected) AS expected, unnest(s_count) AS n) c
        WHERE s.aggregate_id = c.id AND s.aggregate_type = c.type AND c.expected <> 0
          AND (s.version = c.expected OR c.expected = -1);
        GET DIAGNOSTICS won = ROW_COUNT;
    END IF;
    IF s_new + s_any > 0 THEN
        INSERT INTO orderloom.streams (aggregate_id, version, first_sequence, aggregate_type)
        SELECT c.id, c.n, (SELECT last_value FROM orderloom.event_sequence), c.type
        FROM (SELECT unnest(s_id) AS id, unnest(s_type) AS type, unnest(s_expected) AS expected, unnest(s_count) AS n) c
        WHERE c.expected <= 0
        ON CONFLICT (aggregate_id) DO NOTHING;
        GET DIAGNOSTICS n = ROW_COUNT;
        won := won + n;
    END IF;
    IF won < wanted OR s_any > 0 THEN
        SELECT t.status, t.reached, t.base, t.positions INTO status, version, base, earlier
        FROM orderloom.append_settle(s_group, s_id, s_type, s_expected, s_count,
            e_stream, e_ordinal, e_id, e_type, e_schema, e_payload) t;
    END IF;

    WITH added AS (
        INSERT INTO orderloom.events (sequence, version, "timestamp", aggregate_id, event_id, event_version,
            aggregate_type, event_type, correlation_id, causation_id, user_id, traceparent, payload)
        SELECT nextval('orderloom.event_sequence'), base[e.stream] + e.ordinal, e.time, e.aggregate_id, e.id, e.schema,
            e.aggregate_type, e.type, e.correlation, e.causation, e.user_id, e.trace, e.payload
        FROM (SELECT unnest(e_stream) AS stream, unnest(e_ordinal) AS ordinal, unnest(e_aggregate_id) AS aggregate_id,
                     unnest(e_aggregate_type) AS aggregate_type, unnest(e_id) AS id, unnest(e_type) AS type,
                     unnest(e_schema) AS schema, unnest(e_time) AS time, unnest(e_correlation) AS correlation,
                     unnest(e_causation) AS causation, unnest(e_user) AS user_id, unnest(e_trace) AS trace,
                     unnest(e_payload) AS payload) e
        WHERE status IS NULL OR status[e.stream] = 0
        RETURNING sequence)
    SELECT array_agg(a.sequence) INTO positions FROM added a;
    IF positions[cardinality(positions)] >= reach THEN
        RAISE EXCEPTION 'a partition has become full, whose event ids the caller does not know' USING ERRCODE = 'OL001';
    END IF;

    IF status IS NOT NULL THEN
        n := 0;
        FOR i IN 1 .. cardinality(e_stream) LOOP
            IF status[e_stream[i]] = 0 THEN
                n := n + 1;
                earlier[i] := positions[n];
            END IF;
        END LOOP;
        positions := earlier;
    END IF;
END $$;

-- Full partitions from before get their index now; nobody writes to them, so nobody waits. Where an id was used
-- twice it can't be unique.
DO $$
DECLARE
    p record;
BEGIN
    FOR p IN SELECT name FROM orderloom.partitions
        WHERE archived_at IS NULL AND to_regclass(format('orderloom.%I', name || '_event_id')) IS NULL ORDER BY from_sequence
    LOOP
        BEGIN
            PERFORM orderloom.index_event_ids(p.name);
        EXCEPTION WHEN unique_violation THEN
            RAISE WARNING 'an event id stands twice in %, whose index of them is therefore not unique: %', p.name, SQLERRM;
            EXECUTE format('CREATE INDEX %I ON orderloom.%I (event_id)', p.name || '_event_id', p.name);
        END;
    END LOOP;
END $$;
