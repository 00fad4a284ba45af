-- The processes may have a role of their own, which changes no schema: it reads and writes rows, and no others than it
-- has to. The owner of the schema gives it that after each migration (orderloom.grant_runtime).

-- What such a role needs, of each table and sequence. Events, invoices and the audit are added to and not taken back.
-- Partitions are written to by way of their tables; some are read by their own names.
CREATE FUNCTION orderloom.runtime_needs() RETURNS TABLE (name name, kind "char", privilege text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.relname, c.relkind, p FROM pg_class c CROSS JOIN LATERAL unnest(CASE
        WHEN c.relkind = 'S' THEN ARRAY['USAGE', 'SELECT']
        WHEN c.relname IN ('schema_migrations', 'partitions') OR c.relname ~ '^(events|audit)_[0-9]+$' THEN ARRAY['SELECT']
        WHEN c.relname IN ('events', 'invoices') THEN ARRAY['SELECT', 'INSERT']
        WHEN c.relname = 'audit' THEN ARRAY['SELECT', 'INSERT', 'UPDATE']
        ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']
    END) p
    WHERE c.relnamespace = 'orderloom'::regnamespace AND c.relkind IN ('r', 'p', 'S')
$$;

-- Gives a role what it needs, and takes what it had besides. It may be repeated. Partitions that are made later can be
-- read by it at once.
CREATE FUNCTION orderloom.grant_runtime(runtime name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    needs record;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA orderloom TO %I', runtime);
    FOR needs IN SELECT n.name, CASE n.kind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, string_agg(n.privilege, ', ') AS privileges
        FROM orderloom.runtime_needs() n GROUP BY n.name, n.kind ORDER BY n.name
    LOOP
        EXECUTE format('REVOKE ALL ON %s orderloom.%I FROM %I', needs.kind, needs.name, runtime);
        EXECUTE format('GRANT %s ON %s orderloom.%I TO %I', needs.privileges, needs.kind, needs.name, runtime);
    END LOOP;
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA orderloom GRANT SELECT ON TABLES TO %I', runtime);
END $$;

-- The name of a table or sequence of which the present role lacks something; NULL where it has all.
CREATE FUNCTION orderloom.runtime_lacks() RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT n.name FROM orderloom.runtime_needs() n WHERE NOT CASE n.kind
        WHEN 'S' THEN has_sequence_privilege(format('orderloom.%I', n.name), n.privilege)
        ELSE has_table_privilege(format('orderloom.%I', n.name), n.privilege) END
    ORDER BY n.name LIMIT 1
$$;

-- Makes the partitions of the audit for this month and the next, as the owner of the schema, whoever calls.
CREATE FUNCTION orderloom.audit_ensure() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(7308613005);
    FOR i IN 0..1 LOOP
        first := date_trunc('month', now(), 'UTC') + make_interval(months => i);
        IF to_regclass(format('orderloom.%I', 'audit_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM'))) IS NULL THEN
            EXECUTE format('CREATE TABLE orderloom.%I PARTITION OF orderloom.audit FOR VALUES FROM (%L) TO (%L)',
                'audit_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM'), first, (first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
        END IF;
    END LOOP;
END $$;

-- As before. Only the owner of the schema drops what is over: nobody else may do away with the audit.
CREATE OR REPLACE FUNCTION orderloom.audit_maintain(keep_since timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    part    record;
    dropped integer := 0;
BEGIN
    PERFORM orderloom.audit_ensure();
    FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'orderloom.audit'::regclass AND c.relname ~ '^audit_[0-9]{6}$' AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        IF (to_date(right(part.relname, 6), 'YYYYMM')::timestamp + interval '1 month') AT TIME ZONE 'UTC' <= keep_since THEN
            EXECUTE format('DROP TABLE orderloom.%I', part.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;
