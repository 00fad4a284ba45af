-- Whose each order is, so that callers see their own, and who asked for what happened to it. Both come from the events.
ALTER TABLE orderloom.order_views ADD COLUMN account text;

-- The account stands behind the order's id in what is shown.
UPDATE orderloom.order_views SET account = order_state->>'caller',
    shown = regexp_replace(shown::text, '^(\{"order_id" ?: ?"[^"]*")', '\1,"account":' || to_json(order_state->>'caller')::text)::json
WHERE order_state->>'caller' <> '';

-- Those of a small account are found without a walk through everybody's.
CREATE INDEX order_views_account ON orderloom.order_views (account, created_at, order_id) WHERE account IS NOT NULL;

-- Changes are kept for a day. Those from before are shown to callers who see all orders.
ALTER TABLE orderloom.order_changes ADD COLUMN account text, ADD COLUMN channel text;

ALTER TABLE orderloom.order_timeline ADD COLUMN actor text;
UPDATE orderloom.order_timeline t SET actor = e.user_id
FROM orderloom.events e WHERE e.event_id = t.event_id AND e.user_id <> '';
