-- An epoch is confirmed when the store is known to have all that was ever published of it. Before that no event is
-- appended: versions and numbers that others know would be given to other events.

-- The first epoch of a store, and those from before, are confirmed.
ALTER TABLE orderloom.store_epochs ADD COLUMN confirmed_at timestamptz, ADD COLUMN reason text;
UPDATE orderloom.store_epochs SET confirmed_at = began_at;

-- Names where the store is: the cluster, the database in it, the timeline of the write-ahead log, and the table of this
-- store. A dump that is restored into the same database makes another table.
CREATE FUNCTION orderloom.fingerprint() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.system_identifier || '/' || d.oid || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || t.oid
    FROM pg_control_system() c, pg_database d, pg_class t
    WHERE d.datname = current_database() AND t.relname = 'store' AND t.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'orderloom')
$$;

-- A store that was where it had been before this migration still is.
UPDATE orderloom.store_epochs e SET fingerprint = orderloom.fingerprint()
WHERE orderloom.fingerprint() LIKE e.fingerprint || '/%' AND e.epoch = (SELECT max(l.epoch) FROM orderloom.store_epochs l);

-- Returns who the store is, and whether its epoch is confirmed. It begins a new epoch, unconfirmed, when the store is not
-- where it was.
DROP FUNCTION orderloom.identify;
CREATE FUNCTION orderloom.identify(OUT id uuid, OUT epoch bigint, OUT confirmed boolean, OUT reason text) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_at  text;
    last      bigint;
    known     record;
BEGIN
    SELECT s.id INTO identify.id FROM orderloom.store s;
    SELECT e.epoch, e.fingerprint, e.confirmed_at, e.reason INTO known FROM orderloom.store_epochs e ORDER BY e.epoch DESC LIMIT 1;
    epoch := coalesce(known.epoch, 1);
    confirmed := known.epoch IS NULL OR known.confirmed_at IS NOT NULL;
    reason := coalesce(known.reason, '');
    IF pg_is_in_recovery() THEN
        RETURN; -- a standby can't write, and nobody appends to it
    END IF;
    found_at := orderloom.fingerprint();
    IF known.fingerprint = found_at THEN
        RETURN;
    END IF;
    -- One process begins the epoch, the others wait for it.
    PERFORM pg_advisory_xact_lock(7308613003);
    SELECT e.epoch, e.fingerprint, e.confirmed_at, e.reason INTO known FROM orderloom.store_epochs e ORDER BY e.epoch DESC LIMIT 1;
    epoch := coalesce(known.epoch, 1);
    confirmed := known.epoch IS NULL OR known.confirmed_at IS NOT NULL;
    reason := coalesce(known.reason, '');
    IF known.fingerprint = found_at THEN
        RETURN;
    END IF;
    -- A way to restore that leaves sequences behind, such as logical replication, must not give a number twice.
    SELECT coalesce(max(e.sequence), 0) INTO last FROM orderloom.events e;
    IF last > (SELECT last_value FROM orderloom.event_sequence) THEN
        PERFORM setval('orderloom.event_sequence', last);
    END IF;
    epoch := coalesce(known.epoch + 1, 1);
    confirmed := known.epoch IS NULL;
    reason := CASE WHEN known.epoch IS NULL THEN '' ELSE 'the store is at another place than before (restored from a backup, or failed over)' END;
    INSERT INTO orderloom.store_epochs (epoch, sequence, fingerprint, confirmed_at, reason)
    VALUES (epoch, last, found_at, CASE WHEN known.epoch IS NULL THEN now() END, nullif(reason, ''));
END $$;
