-- Views from before refunds were requested: each refund had been made, and the state of a payment knew its amount alone.
-- What the events tell beyond that, a rebuild of orders and payments adds.
UPDATE orderloom.payment_views p SET state = jsonb_set(p.state, '{refunds}', (
    SELECT jsonb_agg(jsonb_build_object(
        'refund_id', r.id, 'amount', r.amount, 'reason', coalesce(told.refund->'reason', '""'), 'created_at', told.at,
        'attempts', jsonb_build_array(jsonb_build_object(
            'attempt', 0, 'source', '', 'amount', r.amount, 'status', 'paid', 'requested_at', told.at, 'settled_at', told.at))))
    FROM jsonb_each(p.state->'refunds') AS r(id, amount)
    CROSS JOIN LATERAL (
        SELECT s.refund, coalesce(s.refund->'refunded_at', to_jsonb(p.updated_at)) AS at
        FROM (SELECT 1) one LEFT JOIN (
            SELECT refund FROM orderloom.order_views v, jsonb_array_elements(v.shown::jsonb->'refunds') refund
            WHERE v.order_id = p.order_id AND refund->>'refund_id' = r.id) s ON true) told))
WHERE jsonb_typeof(p.state->'refunds') = 'object';

UPDATE orderloom.order_views v SET
    payment_state = (jsonb_set(v.payment_state::jsonb, '{refunds}', (
        SELECT jsonb_agg(jsonb_build_object(
            'refund_id', refund->'refund_id', 'amount', refund->'amount', 'reason', refund->'reason', 'created_at', refund->'refunded_at',
            'attempts', jsonb_build_array(jsonb_build_object(
                'attempt', 0, 'source', '', 'amount', refund->'amount', 'status', 'paid', 'requested_at', refund->'refunded_at',
                'settled_at', refund->'refunded_at'))))
        FROM jsonb_array_elements(v.shown::jsonb->'refunds') refund)))::json,
    shown = (jsonb_set(v.shown::jsonb, '{refunds}', (
        SELECT jsonb_agg(refund || jsonb_build_object('status', 'paid', 'attempts', 1, 'created_at', refund->'refunded_at'))
        FROM jsonb_array_elements(v.shown::jsonb->'refunds') refund)))::json
WHERE jsonb_typeof(v.payment_state::jsonb->'refunds') = 'object' AND jsonb_typeof(v.shown::jsonb->'refunds') = 'array';

-- Of each customer the sum that went back, which the column from before this did not know.
UPDATE orderloom.customer_summaries s SET refunded_amount = v.refunded
FROM (SELECT customer_id, currency, sum(refunded_amount) AS refunded FROM orderloom.order_views WHERE status IS NOT NULL GROUP BY customer_id, currency) v
WHERE s.customer_id = v.customer_id AND s.currency = v.currency AND v.refunded > 0;
