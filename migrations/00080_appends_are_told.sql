-- A consumer that has read everything may rest instead of asking again and again. It holds the lock (7308613, 2) of
-- appends alone while it does, and listens on the channel orderloom_appended. An append that finds the lock taken tells
-- the channel when it commits. An append that gets a share keeps it until it ends, so nobody can begin to rest meanwhile.

-- As before, and with the lock of those who rest.
CREATE OR REPLACE FUNCTION orderloom.append(
    s_new integer, s_any integer,
    s_group integer[], s_id uuid[], s_type text[], s_expected bigint[], s_count integer[],
    e_stream integer[], e_ordinal integer[], e_aggregate_id uuid[], e_aggregate_type text[],
    e_id uuid[], e_type text[], e_schema integer[], e_time timestamptz[],
    e_correlation text[], e_causation text[], e_user text[], e_trace text[], e_payload jsonb[],
    reach bigint, exclusive boolean,
    r_id uuid[], r_version bigint[], r_group integer[], r_place integer[],
    OUT status smallint[], OUT version bigint[], OUT positions bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    wanted   integer := cardinality(s_id);
    won      integer := 0;
    n        integer;
    base     bigint[] := s_expected;
    earlier  bigint[];
    stale    integer[]; -- groups that have read what is not the present version
BEGIN
    -- Held until the commit has become visible, and taken before a number is: whoever reads the last number
    -- and then sees this lock free knows that everything up to that number is visible.
    IF exclusive THEN
        PERFORM pg_advisory_xact_lock(7308613, 1);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(7308613, 1);
    END IF;
    -- Who rests holds this lock alone. It got it when no append was open, and every append from then on tells it.
    IF NOT pg_try_advisory_xact_lock_shared(7308613, 2) THEN
        PERFORM pg_notify('orderloom_appended', '');
    END IF;
    -- Before anything is set, so that what this very call appends is not taken for another's.
    IF EXISTS (SELECT FROM (SELECT unnest(r_id) AS id, unnest(r_version) AS version) c
               WHERE coalesce((SELECT s.version FROM orderloom.streams s WHERE s.aggregate_id = c.id), 0) <> c.version) THEN
        SELECT array_agg(c.grp) INTO stale FROM (SELECT unnest(r_group) AS grp, unnest(r_place) AS place) c
        WHERE coalesce((SELECT s.version FROM orderloom.streams s WHERE s.aggregate_id = r_id[c.place]), 0) <> r_version[c.place];
    END IF;
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
    IF won < wanted OR s_any > 0 OR stale IS NOT NULL THEN
        SELECT t.status, t.reached, t.base, t.positions INTO status, version, base, earlier
        FROM orderloom.append_settle(s_group, s_id, s_type, s_expected, s_count,
            e_stream, e_ordinal, e_id, e_type, e_schema, e_payload, stale) t;
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
