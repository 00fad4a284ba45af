-- Which event store the views of a projection were built from, and up to which sequence at least. A projector goes on only
-- where the store is still that one, and has those events (eventstore.Store.Check). store_id is NULL until it was asked.
ALTER TABLE orderloom.projections
    ADD COLUMN store_id    uuid,
    ADD COLUMN store_epoch bigint,
    ADD COLUMN position    bigint NOT NULL DEFAULT 0;
