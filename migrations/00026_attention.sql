-- Why an order waits for a person; NULL while it needs nobody, as most orders do. Orders from before this get it with their
-- next event, or when the projection orders is rebuilt.
ALTER TABLE orderloom.order_views
    ADD COLUMN attention text[];
CREATE INDEX order_views_attention ON orderloom.order_views (created_at, order_id) WHERE attention IS NOT NULL;
