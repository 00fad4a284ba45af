-- One data key per customer, wrapped by a master key that the database never sees. Destroying it erases
-- the customer's personal data wherever copies of it lie.
CREATE TABLE orderloom.customer_keys (
    subject     text        NOT NULL,
    generation  integer     NOT NULL, -- a customer who comes back after being erased gets a new one
    master_key  text        NOT NULL, -- the id of the master key that wraps
    wrapped     bytea,                -- NULL once destroyed
    created_at  timestamptz NOT NULL DEFAULT now(),
    erased_at   timestamptz,
    PRIMARY KEY (subject, generation),
    CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0.0); -- a destroyed key does not linger in dead rows

-- A customer has one living key.
CREATE UNIQUE INDEX customer_keys_living ON orderloom.customer_keys (subject) WHERE wrapped IS NOT NULL;
CREATE INDEX customer_keys_master_key ON orderloom.customer_keys (master_key) WHERE wrapped IS NOT NULL;
