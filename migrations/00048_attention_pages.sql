-- Since when the first of what an order waits for has waited, so that a page of the list reads no more than a page; NULL
-- while the order needs nobody.
ALTER TABLE orderloom.order_views ADD COLUMN attention_since timestamptz;
UPDATE orderloom.order_views
SET attention_since = (SELECT min((i->>'since')::timestamptz) FROM json_array_elements(shown->'attention') i)
WHERE attention IS NOT NULL;
CREATE INDEX order_views_attention_since ON orderloom.order_views (attention_since, order_id) WHERE attention_since IS NOT NULL;
CREATE INDEX waiting_sagas_since ON orderloom.waiting_sagas (since, attention_id);
CREATE INDEX parked_streams_since ON orderloom.parked_streams (parked_at, attention_id);

-- True of an order that has ended and whose money has not; NULL of all others.
ALTER TABLE orderloom.order_views ADD COLUMN unsettled boolean;
UPDATE orderloom.order_views SET unsettled = true WHERE status IN ('delivered', 'cancelled') AND shown->>'settled' = 'false';
CREATE INDEX order_views_unsettled ON orderloom.order_views (created_at, order_id) WHERE unsettled;
