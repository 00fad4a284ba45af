-- An order's row keeps what is shown of it as the text that is shown, written once by the projector instead of put together at
-- each read. The columns that held parts of it are dropped, and the states that folds go on from are plain text as well:
-- nobody asks inside of them, and jsonb would be taken apart at each write and put together at each read. The sealed personal
-- section is two columns, the name of its key and the bytes.
--
-- Rows from before are converted. Stop the projectors while it runs: those of before don't know the new column.
ALTER TABLE orderloom.order_views
    ADD COLUMN shown json,
    ADD COLUMN personal_key text,
    ADD COLUMN personal_data bytea;

UPDATE orderloom.order_views v SET personal_key = v.shipping_address->>'key', personal_data = decode(v.shipping_address->>'data', 'base64'), shown = json_strip_nulls(json_build_object(
    'order_id', v.order_id, 'order_number', coalesce(v.order_number, ''), 'customer_id', coalesce(v.customer_id, ''), 'status', coalesce(v.status, ''),
    'payment_status', coalesce(nullif(v.payment_status, ''), 'pending'), 'fulfillment_status', coalesce(v.fulfillment_status, ''),
    'total', json_build_object('amount', round(coalesce(v.total_amount, 0), d.digits)::text, 'currency', coalesce(v.currency, '')),
    'captured', json_build_object('amount', round(v.captured_amount, d.digits)::text, 'currency', coalesce(v.currency, '')),
    'refunded', json_build_object('amount', round(v.refunded_amount, d.digits)::text, 'currency', coalesce(v.currency, '')),
    'items', coalesce(v.items, '[]'), 'shipments', coalesce(v.shipments, '[]'), 'refunds', v.refunds, 'returns', v.order_state->'returns',
    'cancel_reason', v.order_state->'cancel_reason', 'held', v.order_state->'held', 'overdue', v.order_state->'overdue',
    'payment_action_url', CASE v.payment_status WHEN 'action_required' THEN v.payment_state->'action_url' END,
    'ship_to_country', coalesce(v.order_state->>'ship_to_country', ''),
    'created_at', (to_json(coalesce(v.created_at, '0001-01-01Z') AT TIME ZONE 'UTC') #>> '{}') || 'Z',
    'updated_at', (to_json(v.updated_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
    'version', v.version, 'payment_version', v.payment_version,
    'delivered_at', nullif(v.order_state->>'delivered_at', '0001-01-01T00:00:00Z')))
FROM (
    SELECT order_id, coalesce(scale((coalesce(items->0->'unit_price'->>'amount', payment_state->'authorized'->>'amount'))::numeric), 2) AS digits
    FROM orderloom.order_views
) d
WHERE d.order_id = v.order_id;

ALTER TABLE orderloom.order_views
    ALTER COLUMN shown SET NOT NULL,
    DROP COLUMN items,
    DROP COLUMN shipments,
    DROP COLUMN refunds,
    DROP COLUMN shipping_address,
    -- Without what is read from the shown order.
    ALTER COLUMN order_state TYPE json USING
        (order_state - ARRAY['order_id', 'order_number', 'customer_id', 'status', 'total', 'items', 'shipments', 'personal'])::text::json,
    ALTER COLUMN payment_state TYPE json USING payment_state::text::json;
