-- Where the store is, as before. PostgreSQL keeps the plan of this for a session, and made one for each call before.
CREATE OR REPLACE FUNCTION orderloom.fingerprint() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT c.system_identifier || '/' || d.oid || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || t.oid
        FROM pg_control_system() c, pg_database d, pg_class t
        WHERE d.datname = current_database() AND t.relname = 'store' AND t.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'orderloom')
    );
END $$;
