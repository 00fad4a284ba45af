-- Who has done what that is no event of an order, and what callers were denied. One partition a month.
CREATE TABLE orderloom.audit (
    audit_id   uuid        NOT NULL,
    at         timestamptz NOT NULL,
    account    text        NOT NULL,
    actor      text        NOT NULL,
    action     text        NOT NULL,
    -- What it was about, such as a key or a location; empty for nothing in particular.
    subject    text        NOT NULL,
    -- The status of the answer; NULL while it is not known.
    status     integer,
    -- How often within the minute, for what was denied; 1 for a call.
    count      integer     NOT NULL,
    request_id text        NOT NULL,
    PRIMARY KEY (at, audit_id)
) PARTITION BY RANGE (at);
CREATE INDEX audit_actor ON orderloom.audit (actor, at);

-- Makes the partitions of this month and the next, and drops those that ended before a time. It returns how many were
-- dropped.
CREATE FUNCTION orderloom.audit_maintain(keep_since timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    first   timestamptz;
    part    record;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7308613005);
    FOR i IN 0..1 LOOP
        first := date_trunc('month', now(), 'UTC') + make_interval(months => i);
        EXECUTE format('CREATE TABLE IF NOT EXISTS orderloom.%I PARTITION OF orderloom.audit FOR VALUES FROM (%L) TO (%L)',
            'audit_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM'), first, (first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
    END LOOP;
    FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'orderloom.audit'::regclass AND c.relname ~ '^audit_[0-9]{6}$'
    LOOP
        IF (to_date(right(part.relname, 6), 'YYYYMM')::timestamp + interval '1 month') AT TIME ZONE 'UTC' <= keep_since THEN
            EXECUTE format('DROP TABLE orderloom.%I', part.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;
SELECT orderloom.audit_maintain('-infinity');
