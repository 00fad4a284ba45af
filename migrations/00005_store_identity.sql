-- Who the store is, over time, and where events of a time are.

-- The epochs of the store. Every one but the first began when the store found itself restored or failed
-- over, and then had events up to sequence: a consumer that has read further has seen events that are lost.
CREATE TABLE orderloom.store_epochs (
    epoch       bigint      NOT NULL PRIMARY KEY,
    began_at    timestamptz NOT NULL DEFAULT now(),
    sequence    bigint      NOT NULL,
    fingerprint text        NOT NULL
);

-- Returns who the store is, and begins a new epoch when it is not where it was. The fingerprint names the
-- cluster, the database in it (a dump is restored into another one) and the timeline of the write-ahead log
-- (a recovery to a point in time and a failover begin another one).
CREATE FUNCTION orderloom.identify(OUT id uuid, OUT epoch bigint) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_at  text;
    last      bigint;
    known     record;
BEGIN
    SELECT s.id INTO identify.id FROM orderloom.store s;
    SELECT e.epoch, e.fingerprint INTO known FROM orderloom.store_epochs e ORDER BY e.epoch DESC LIMIT 1;
    epoch := coalesce(known.epoch, 1);
    IF pg_is_in_recovery() THEN
        RETURN; -- a standby can't write, and nobody appends to it
    END IF;
    SELECT c.system_identifier || '/' || d.oid || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) INTO found_at
    FROM pg_control_system() c, pg_database d WHERE d.datname = current_database();
    IF known.fingerprint = found_at THEN
        RETURN;
    END IF;
    -- One process begins the epoch, the others wait for it.
    PERFORM pg_advisory_xact_lock(7308613003);
    SELECT e.epoch, e.fingerprint INTO known FROM orderloom.store_epochs e ORDER BY e.epoch DESC LIMIT 1;
    epoch := coalesce(known.epoch, 1);
    IF known.fingerprint = found_at THEN
        RETURN;
    END IF;
    -- A way to restore that leaves sequences behind, such as logical replication, must not give a number twice.
    SELECT coalesce(max(e.sequence), 0) INTO last FROM orderloom.events e;
    IF last > (SELECT last_value FROM orderloom.event_sequence) THEN
        PERFORM setval('orderloom.event_sequence', last);
    END IF;
    epoch := coalesce(known.epoch + 1, 1);
    INSERT INTO orderloom.store_epochs (epoch, sequence, fingerprint) VALUES (epoch, last, found_at);
END $$;

-- The columns of store that the table of epochs replaces.
ALTER TABLE orderloom.store DROP COLUMN epoch, DROP COLUMN epoch_since, DROP COLUMN epoch_sequence, DROP COLUMN fingerprint;

-- By time: a few bytes for each megabyte of events, since events come in about the order of their time.
CREATE INDEX events_timestamp ON orderloom.events USING brin ("timestamp") WITH (autosummarize = on);
