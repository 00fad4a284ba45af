-- Customers' keys, and that one was destroyed, are published to a compacted topic at Kafka. Whoever restores a backup finds
-- there what became of the keys since.
ALTER TABLE orderloom.customer_keys ADD COLUMN published boolean NOT NULL DEFAULT false;
CREATE INDEX customer_keys_unpublished ON orderloom.customer_keys (subject) WHERE NOT published;
