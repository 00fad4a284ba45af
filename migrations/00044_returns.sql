-- When the first of an order's returns is decided too late or expires; NULL for none, as of most orders.
ALTER TABLE orderloom.order_views ADD COLUMN returns_due timestamptz;
CREATE INDEX order_views_returns_due ON orderloom.order_views (returns_due, order_id) WHERE returns_due IS NOT NULL;

-- Returns have a status: it is refunded once their refund is paid. Those of before are received.
UPDATE orderloom.order_views v SET
    shown = jsonb_set(v.shown::jsonb, '{returns}', told.returns)::json,
    parts = (SELECT array_agg(DISTINCT part ORDER BY part) FROM unnest(v.parts || told.parts) part)
FROM (
    SELECT o.order_id, jsonb_agg(r.item || jsonb_build_object('status', r.status) ORDER BY r.n) AS returns,
        array_agg(DISTINCT 'return:' || r.status) AS parts
    FROM orderloom.order_views o
    CROSS JOIN LATERAL (
        SELECT item, n, CASE WHEN EXISTS (
            SELECT FROM jsonb_path_query(o.shown::jsonb, '$.refunds[*]') f WHERE f->>'refund_id' = item->>'return_id' AND f->>'status' = 'paid'
        ) THEN 'refunded' ELSE 'received' END AS status
        FROM jsonb_array_elements(o.shown::jsonb->'returns') WITH ORDINALITY AS e(item, n)
    ) r
    WHERE o.parts @> ARRAY['return']
    GROUP BY o.order_id) told
WHERE v.order_id = told.order_id;
