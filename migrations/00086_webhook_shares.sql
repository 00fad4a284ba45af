-- A process that has more endpoints than its share is told which ones to leave to others, such as to one that has just
-- begun. It goes on with each until its place is written.
DROP FUNCTION orderloom.webhook_beat;
CREATE FUNCTION orderloom.webhook_beat(worker uuid, lives interval)
    RETURNS TABLE (endpoint uuid, revision bigint, wakes bigint, spare boolean) LANGUAGE plpgsql AS $$
DECLARE
    share bigint;
    has   bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7308613016);
    INSERT INTO orderloom.webhook_workers AS w VALUES (worker, clock_timestamp() + lives)
        ON CONFLICT (worker_id) DO UPDATE SET alive_until = excluded.alive_until;
    DELETE FROM orderloom.webhook_workers w WHERE w.alive_until < clock_timestamp() - interval '1 hour';
    SELECT ceil(count(*)::numeric / (SELECT count(*) FROM orderloom.webhook_workers w WHERE w.alive_until > clock_timestamp())),
            count(*) FILTER (WHERE e.worker_id = worker)
        INTO share, has FROM orderloom.webhook_endpoints e WHERE e.disabled_at IS NULL;
    IF share > has THEN
        UPDATE orderloom.webhook_endpoints e SET worker_id = worker WHERE e.endpoint_id IN (
            SELECT o.endpoint_id FROM orderloom.webhook_endpoints o
            WHERE o.disabled_at IS NULL AND o.worker_id IS DISTINCT FROM worker AND NOT EXISTS (
                SELECT FROM orderloom.webhook_workers w WHERE w.worker_id = o.worker_id AND w.alive_until > clock_timestamp())
            ORDER BY o.endpoint_id LIMIT share - has);
    END IF;
    RETURN QUERY SELECT e.endpoint_id, e.revision, e.wakes, row_number() OVER (ORDER BY e.endpoint_id) > share
        FROM orderloom.webhook_endpoints e WHERE e.worker_id = worker AND e.disabled_at IS NULL;
END
$$;

-- Payloads have the dated versions of the API.
UPDATE orderloom.webhook_endpoints SET payload_version = '2026-11-27' WHERE payload_version = '2026-11-01';
