-- The event store: one row per stream, one row per event, and who the store is.

-- A stream is the events of one aggregate. The row is what an append compares and sets: rivals meet on
-- its lock, so a conflict is found before an event is numbered.
CREATE TABLE orderloom.streams (
    aggregate_id   uuid   NOT NULL PRIMARY KEY,
    version        bigint NOT NULL,
    -- No event of the stream has a lower sequence, so a load skips the partitions before it.
    first_sequence bigint NOT NULL,
    aggregate_type text   NOT NULL
) WITH (fillfactor = 80); -- room for the new version of a row on its own page: no index entry for an update

-- Numbers all events. CACHE must stay 1: the high-water mark reads last_value.
CREATE SEQUENCE orderloom.event_sequence AS bigint CACHE 1;

CREATE TABLE orderloom.events (
    sequence       bigint      NOT NULL,
    version        bigint      NOT NULL,
    "timestamp"    timestamptz NOT NULL,
    aggregate_id   uuid        NOT NULL,
    event_id       uuid        NOT NULL,
    event_version  integer     NOT NULL,
    aggregate_type text        NOT NULL,
    event_type     text        NOT NULL,
    correlation_id text,
    causation_id   text,
    user_id        text,
    traceparent    text,
    payload        jsonb       NOT NULL,
    PRIMARY KEY (sequence)
) PARTITION BY RANGE (sequence);

COMMENT ON TABLE orderloom.events IS 'every fact, in the order of sequence; also the outbox that the relay publishes from';

-- Who this store is. A consumer keeps id and epoch beside its cursor and refuses to go on when they differ.
CREATE TABLE orderloom.store (
    singleton        boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    id               uuid        NOT NULL DEFAULT gen_random_uuid(),
    -- Rises when the store finds itself on another server, in another database or on another timeline
    -- than before: it was restored from a dump or a backup, or failed over.
    epoch            bigint      NOT NULL DEFAULT 1,
    epoch_since      timestamptz NOT NULL DEFAULT now(),
    -- The last sequence there was when the epoch began.
    epoch_sequence   bigint      NOT NULL DEFAULT 0,
    fingerprint      text,
    -- How many sequence numbers a partition of events spans, and how many partitions are kept ready.
    partition_span   bigint      NOT NULL DEFAULT 5000000 CHECK (partition_span > 0),
    partitions_ahead integer     NOT NULL DEFAULT 2 CHECK (partitions_ahead > 0)
);

INSERT INTO orderloom.store DEFAULT VALUES;

-- The partitions of events. An archived one is detached from the table, and still read.
CREATE TABLE orderloom.partitions (
    name          text        NOT NULL PRIMARY KEY,
    from_sequence bigint      NOT NULL UNIQUE, -- inclusive
    to_sequence   bigint      NOT NULL UNIQUE, -- exclusive
    created_at    timestamptz NOT NULL DEFAULT now(),
    indexed_at    timestamptz, -- when the indexes for looking things up were made
    archived_at   timestamptz
);

-- Makes the partitions that the next numbers need and some ahead of them; returns how many it made.
-- Attaching, unlike CREATE TABLE .. PARTITION OF, takes a lock that lets appends, reads and pg_dump go on.
CREATE FUNCTION orderloom.ensure_partitions() RETURNS integer
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
        EXECUTE format('ALTER TABLE orderloom.events ATTACH PARTITION orderloom.%I FOR VALUES FROM (%s) TO (%s)', name, lower, lower + span);
        EXECUTE format('ALTER TABLE orderloom.%I DROP CONSTRAINT bounds', name);
        INSERT INTO orderloom.partitions (name, from_sequence, to_sequence) VALUES (name, lower, lower + span);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

SELECT orderloom.ensure_partitions();
