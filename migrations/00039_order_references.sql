-- What a shop knows orders by, and what lists of parts of orders look for. All of it comes from the events.
ALTER TABLE orderloom.order_views
    ADD COLUMN external_reference text,
    ADD COLUMN channel text,
    -- NULL for none, as of most orders.
    ADD COLUMN tags text[],
    -- Which parts an order has: 'shipment:planned' for one in this status, but none for those that are delivered;
    -- 'refund' and 'refund:paid'; 'return'. NULL for none.
    ADD COLUMN parts text[];

UPDATE orderloom.order_views v SET parts = told.parts
FROM (
    SELECT o.order_id, array_agg(DISTINCT p.part ORDER BY p.part) AS parts
    FROM orderloom.order_views o
    CROSS JOIN LATERAL (
        SELECT 'shipment:' || (s->>'status') AS part FROM jsonb_array_elements(o.shown::jsonb->'shipments') s WHERE s->>'status' <> 'delivered'
        UNION ALL
        SELECT unnest(ARRAY['refund', 'refund:' || (r->>'status')]) FROM jsonb_path_query(o.shown::jsonb, '$.refunds[*]') r
        UNION ALL
        SELECT 'return' FROM jsonb_path_query(o.shown::jsonb, '$.returns[*]')
    ) p
    GROUP BY o.order_id) told
WHERE v.order_id = told.order_id;

CREATE INDEX order_views_external_reference ON orderloom.order_views (external_reference) WHERE external_reference IS NOT NULL;
CREATE INDEX order_views_channel ON orderloom.order_views (channel, created_at, order_id) WHERE channel IS NOT NULL;
CREATE INDEX order_views_tags ON orderloom.order_views USING gin (tags) WHERE tags IS NOT NULL;
CREATE INDEX order_views_parts ON orderloom.order_views USING gin (parts) WHERE parts IS NOT NULL;
CREATE INDEX order_views_fulfillment ON orderloom.order_views (fulfillment_status, created_at, order_id);
CREATE INDEX order_views_updated ON orderloom.order_views (updated_at, order_id);

-- Totals are compared within one currency.
DROP INDEX orderloom.order_views_total;
CREATE INDEX order_views_total ON orderloom.order_views (currency, total_amount, order_id);

-- Which order has an external reference first: one for each caller. The API claims it before it accepts an order. It is
-- no view, and may be lost: the views tell the references of all orders that they know.
CREATE TABLE orderloom.external_references (
    caller     text        NOT NULL,
    reference  text        NOT NULL,
    order_id   uuid        NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, reference)
);
