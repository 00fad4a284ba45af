-- An append may rest on streams that it does not write. It names the version at which it has read each of them, and
-- a group that has read another one than the present version is refused:
--   7 not appended, because a stream that the group's decision has read has another version
--
-- That is a look and no lock: another append may move on what was read before this one commits. An exclusive append
-- has none beside it. Decisions that must not overlap are kept apart when one of the two is exclusive.

DROP FUNCTION orderloom.append;
DROP FUNCTION orderloom.append_settle;

-- As before, and with stale: the groups to be refused for what they have read. Events that are there already are a
-- success all the same.
CREATE FUNCTION orderloom.append_settle(
    s_group integer[], s_id uuid[], s_type text[], s_expected bigint[], s_count integer[],
    e_stream integer[], e_ordinal integer[], e_id uuid[], e_type text[], e_schema integer[], e_payload jsonb[], stale integer[],
    OUT status smallint[], OUT reached bigint[], OUT base bigint[], OUT positions bigint[]
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own    xid := pg_current_xact_id()::xid;
    won    boolean[];
    refused integer[]; -- groups
    twice   integer[]; -- groups with a duplicate
    fresh   integer[]; -- groups with something to append
    s      record;
    d      record;
BEGIN
    base := s_expected;
    positions := array_fill(0::bigint, ARRAY[cardinality(e_stream)]);
    FOR i IN 1 .. cardinality(s_id) LOOP
        SELECT r.version, r.first_sequence, r.aggregate_type, r.xmin = own AS won INTO s
        FROM orderloom.streams r WHERE r.aggregate_id = s_id[i];
        won[i] := coalesce(s.won, false);
        reached[i] := coalesce(s.version, 0);
        IF won[i] AND s_expected[i] = -1 THEN
            base[i] := s.version - s_count[i];
        END IF;
        IF won[i] AND (s_expected[i] >= 0 OR base[i] = 0) THEN
            status[i] := CASE WHEN s_group[i] = ANY (stale) THEN 7 ELSE 0 END;
        ELSIF s.aggregate_type <> s_type[i] THEN
            status[i] := 4;
        ELSE
            -- Were these events appended before? Then they are where this call wants them (or, without an
            -- expected version, anywhere).
            SELECT count(*) AS found,
                   count(*) FILTER (WHERE q.same) AS same,
                   min(q.ordinal) FILTER (WHERE NOT q.same) AS differs,
                   max(q.version) - min(q.version) + 1 AS span,
                   max(q.version) AS last
            INTO d
            FROM (SELECT n.ordinal, e.version,
                         e.payload = n.payload AND e.event_type = n.type AND e.event_version = n.schema AS same
                  FROM unnest(e_stream, e_ordinal, e_id, e_type, e_schema, e_payload) AS n(stream, ordinal, id, type, schema, payload)
                  JOIN orderloom.events e ON e.event_id = n.id
                   AND e.aggregate_id = s_id[i] AND e.sequence >= s.first_sequence
                   AND e.version > greatest(s_expected[i], 0)
                   AND e.version <= CASE WHEN s_expected[i] = -1 THEN reached[i] ELSE s_expected[i] + s_count[i] END
                   AND (s_expected[i] = -1 OR e.version = s_expected[i] + n.ordinal)
                  WHERE n.stream = i) q;
            IF d.found = 0 THEN
                status[i] := CASE WHEN won[i] THEN 0 WHEN s_expected[i] = -1 THEN 6 ELSE 2 END;
            ELSIF d.same = s_count[i] AND d.span = s_count[i] THEN
                status[i] := 1;
                reached[i] := d.last;
                SELECT array_agg(coalesce(e.sequence, p.was) ORDER BY p.ord) INTO positions
                FROM unnest(positions, e_stream, e_id) WITH ORDINALITY AS p(was, stream, id, ord)
                LEFT JOIN orderloom.events e ON p.stream = i AND e.aggregate_id = s_id[i] AND e.event_id = p.id
                    AND e.version > d.last - s_count[i] AND e.version <= d.last AND e.sequence >= s.first_sequence;
            ELSE
                status[i] := 3;
                reached[i] := coalesce(d.differs, d.found + 1) - 1;
            END IF;
        END IF;
        CASE status[i]
            WHEN 0 THEN fresh := fresh || s_group[i];
            WHEN 1 THEN twice := twice || s_group[i];
            ELSE refused := refused || s_group[i];
        END CASE;
    END LOOP;

    FOR i IN 1 .. cardinality(s_id) LOOP
        -- A retry repeats the whole group, so a group that is there in part is another one: it conflicts.
        IF status[i] = 1 AND (s_group[i] = ANY (fresh) OR s_group[i] = ANY (refused)) THEN
            status[i] := 2;
        ELSIF status[i] = 0 AND (s_group[i] = ANY (refused) OR s_group[i] = ANY (twice)) THEN
            status[i] := 5;
        END IF;
        IF won[i] AND status[i] <> 0 THEN
            IF base[i] = 0 THEN
                DELETE FROM orderloom.streams r WHERE r.aggregate_id = s_id[i];
            ELSE
                UPDATE orderloom.streams r SET version = base[i] WHERE r.aggregate_id = s_id[i];
            END IF;
            IF status[i] = 2 THEN
                reached[i] := base[i];
            END IF;
        END IF;
    END LOOP;
END $$;

-- As before, and with exclusive and what was read. r_group names a group, and r_place what it has read: the index in
-- r_id and r_version, from 1.
CREATE FUNCTION orderloom.append(
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
