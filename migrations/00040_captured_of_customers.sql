-- What was captured of a customer's orders, so that it can be told net of what went back.
ALTER TABLE orderloom.customer_summaries ADD COLUMN captured_amount numeric NOT NULL DEFAULT 0;

UPDATE orderloom.customer_summaries s SET captured_amount = v.captured
FROM (
    SELECT customer_id, currency, sum(captured_amount) AS captured FROM orderloom.order_views WHERE status IS NOT NULL GROUP BY customer_id, currency
) v
WHERE s.customer_id = v.customer_id AND s.currency = v.currency;

-- The stock of a location.
CREATE INDEX stock_levels_location ON orderloom.stock_levels (location, sku);
CREATE INDEX stock_levels_backordered ON orderloom.stock_levels (sku, location) WHERE backorders IS NOT NULL;
