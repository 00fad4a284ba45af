-- What of an order is to go back, is claimed at the bank, and was lost there; NULL for nothing, as of most orders.
ALTER TABLE orderloom.order_views
    ADD COLUMN owed_amount numeric,
    ADD COLUMN disputed_amount numeric,
    ADD COLUMN disputes_lost_amount numeric;

-- Their sums for each customer, of cancelled orders too.
ALTER TABLE orderloom.customer_summaries
    ADD COLUMN owed_amount numeric NOT NULL DEFAULT 0,
    ADD COLUMN disputed_amount numeric NOT NULL DEFAULT 0,
    ADD COLUMN disputes_lost_amount numeric NOT NULL DEFAULT 0;

-- Orders from before: the state of the payment tells. What is owed is reserved whole, and of what a person has asked for
-- what has not failed.
UPDATE orderloom.order_views v SET owed_amount = told.owed
FROM (
    SELECT o.order_id, sum(greatest(0,
        CASE WHEN (refund->>'owed')::boolean THEN (refund->'amount'->>'amount')::numeric - tries.accepted ELSE tries.requested END)) AS owed
    FROM orderloom.order_views o
    CROSS JOIN LATERAL jsonb_array_elements(o.payment_state::jsonb->'refunds') refund
    CROSS JOIN LATERAL (
        SELECT coalesce(sum((a->'amount'->>'amount')::numeric) FILTER (WHERE a->>'status' IN ('pending', 'paid')), 0) AS accepted,
            coalesce(sum((a->'amount'->>'amount')::numeric) FILTER (WHERE a->>'status' = 'requested'), 0) AS requested
        FROM jsonb_path_query(refund, '$.attempts[*]') a) tries
    WHERE jsonb_typeof(o.payment_state::jsonb->'refunds') = 'array'
    GROUP BY o.order_id) told
WHERE v.order_id = told.order_id AND told.owed > 0;

UPDATE orderloom.order_views v SET disputed_amount = nullif(told.disputed, 0), disputes_lost_amount = nullif(told.lost, 0)
FROM (
    SELECT o.order_id,
        coalesce(sum((d->'amount'->>'amount')::numeric) FILTER (WHERE d->>'status' NOT IN ('won', 'lost')), 0) AS disputed,
        coalesce(sum((d->'amount'->>'amount')::numeric) FILTER (WHERE d->>'status' = 'lost'), 0) AS lost
    FROM orderloom.order_views o
    CROSS JOIN LATERAL jsonb_array_elements(o.payment_state::jsonb->'disputes') d
    WHERE jsonb_typeof(o.payment_state::jsonb->'disputes') = 'array'
    GROUP BY o.order_id) told
WHERE v.order_id = told.order_id;

UPDATE orderloom.customer_summaries s
SET owed_amount = v.owed, disputed_amount = v.disputed, disputes_lost_amount = v.lost
FROM (
    SELECT customer_id, currency, coalesce(sum(owed_amount), 0) AS owed, coalesce(sum(disputed_amount), 0) AS disputed,
        coalesce(sum(disputes_lost_amount), 0) AS lost
    FROM orderloom.order_views
    WHERE status IS NOT NULL AND num_nonnulls(owed_amount, disputed_amount, disputes_lost_amount) > 0
    GROUP BY customer_id, currency) v
WHERE s.customer_id = v.customer_id AND s.currency = v.currency;
