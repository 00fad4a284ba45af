-- Where partners are told of events. An endpoint has a place among all events (cursor), as the feed writes it: what lies
-- before it is delivered, or is due by a row of webhook_lanes. No row is written for an event that is delivered at once.
CREATE TABLE orderloom.webhook_endpoints (
    endpoint_id     uuid        PRIMARY KEY,
    account         text        NOT NULL,
    name            text        NOT NULL,
    url             text        NOT NULL,
    -- NULL for all types, and for all channels.
    types           text[],
    channel         text,
    payload         text        NOT NULL,
    payload_version text        NOT NULL,
    personal        boolean     NOT NULL,
    signature       text        NOT NULL,
    -- What whoever has made or changed it may see.
    scopes          text[]      NOT NULL,
    channels        text[],
    -- Secrets and headers, sealed under a key of the vault.
    sealed_key      text        NOT NULL,
    sealed_data     bytea       NOT NULL,
    header_names    text[]      NOT NULL,
    -- What receivers check v1a signatures with; empty for v1.
    public_key      text        NOT NULL,
    previous_until  timestamptz,
    rotated_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text        NOT NULL,
    disabled_at     timestamptz,
    -- Why: request, gone, or failures.
    disabled_for    text,
    -- Tell the request that made or rotated it when that comes again.
    request_hash    text        NOT NULL,
    rotation_id     uuid,
    -- Counts changes of what is sent where. Wakes counts what was put into webhook_lanes from outside.
    revision        bigint      NOT NULL DEFAULT 1,
    wakes           bigint      NOT NULL DEFAULT 0,
    -- The place, and where the events begin that previous_event_id may name.
    cursor          text        NOT NULL,
    since           text        NOT NULL,
    delivered       bigint      NOT NULL DEFAULT 0,
    succeeded_at    timestamptz,
    -- The first failure after the last success, and when its owner was told of it.
    failing_since   timestamptz,
    warned_at       timestamptz,
    last_error      text,
    -- Nothing is sent until then, after so many rests in a row.
    rests           integer     NOT NULL DEFAULT 0,
    rests_until     timestamptz,
    -- The process that works on it.
    worker_id       uuid
) WITH (fillfactor = 50);
CREATE INDEX webhook_endpoints_account ON orderloom.webhook_endpoints (account, created_at);

-- The processes that deliver. One that has not been seen for some seconds is replaced.
CREATE TABLE orderloom.webhook_workers (
    worker_id   uuid        PRIMARY KEY,
    alive_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- What an endpoint gets beside its place: an order whose delivery has failed, which goes on by itself from its own
-- cursor, and what was asked for again.
CREATE TABLE orderloom.webhook_lanes (
    endpoint_id uuid        NOT NULL REFERENCES orderloom.webhook_endpoints ON DELETE CASCADE,
    lane_id     text        NOT NULL,
    kind        text        NOT NULL,
    -- The order, aggregate or event; NULL for a range.
    subject     uuid,
    aggregate   text        NOT NULL DEFAULT '',
    cursor      text        NOT NULL,
    version     bigint      NOT NULL DEFAULT 0,
    until       text        NOT NULL DEFAULT '',
    attempts    integer     NOT NULL DEFAULT 0,
    failed_at   timestamptz,
    due_at      timestamptz NOT NULL DEFAULT now(),
    error       text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (endpoint_id, lane_id)
);

-- Attempts that have failed, the one that has succeeded after them, and what was asked for. What is delivered at once
-- leaves no row.
CREATE TABLE orderloom.webhook_deliveries (
    delivery_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id uuid        NOT NULL REFERENCES orderloom.webhook_endpoints ON DELETE CASCADE,
    at          timestamptz NOT NULL,
    event_id    uuid        NOT NULL,
    type        text        NOT NULL,
    order_id    uuid,
    cursor      text        NOT NULL,
    kind        text        NOT NULL,
    attempt     integer     NOT NULL,
    outcome     text        NOT NULL,
    status      integer     NOT NULL,
    error       text        NOT NULL,
    response    text        NOT NULL,
    took_ms     integer     NOT NULL,
    resent_at   timestamptz
);
CREATE INDEX webhook_deliveries_endpoint ON orderloom.webhook_deliveries (endpoint_id, delivery_id);
CREATE INDEX webhook_deliveries_at ON orderloom.webhook_deliveries (at);
CREATE INDEX webhook_deliveries_given_up ON orderloom.webhook_deliveries (endpoint_id, delivery_id)
    WHERE outcome = 'given_up' AND resent_at IS NULL;

-- Tells that a process is alive, gives it its share of the endpoints that no living one has, and returns what it has.
-- Processes do so one after the other, so that no endpoint has two.
CREATE FUNCTION orderloom.webhook_beat(worker uuid, lives interval)
    RETURNS TABLE (endpoint uuid, revision bigint, wakes bigint) LANGUAGE plpgsql AS $$
DECLARE
    share bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7308613016);
    INSERT INTO orderloom.webhook_workers AS w VALUES (worker, clock_timestamp() + lives)
        ON CONFLICT (worker_id) DO UPDATE SET alive_until = excluded.alive_until;
    DELETE FROM orderloom.webhook_workers w WHERE w.alive_until < clock_timestamp() - interval '1 hour';
    SELECT ceil(count(*)::numeric / (SELECT count(*) FROM orderloom.webhook_workers w WHERE w.alive_until > clock_timestamp()))
            - count(*) FILTER (WHERE e.worker_id = worker)
        INTO share FROM orderloom.webhook_endpoints e WHERE e.disabled_at IS NULL;
    IF share > 0 THEN
        UPDATE orderloom.webhook_endpoints e SET worker_id = worker WHERE e.endpoint_id IN (
            SELECT o.endpoint_id FROM orderloom.webhook_endpoints o
            WHERE o.disabled_at IS NULL AND o.worker_id IS DISTINCT FROM worker AND NOT EXISTS (
                SELECT FROM orderloom.webhook_workers w WHERE w.worker_id = o.worker_id AND w.alive_until > clock_timestamp())
            ORDER BY o.endpoint_id LIMIT share);
    END IF;
    RETURN QUERY SELECT e.endpoint_id, e.revision, e.wakes FROM orderloom.webhook_endpoints e
        WHERE e.worker_id = worker AND e.disabled_at IS NULL;
END
$$;
