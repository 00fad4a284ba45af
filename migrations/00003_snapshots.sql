-- States of streams at a version, so that a long stream need not be folded from its beginning. They may be
-- thrown away at any time.
CREATE TABLE orderloom.snapshots (
    aggregate_id   uuid        NOT NULL PRIMARY KEY,
    aggregate_type text        NOT NULL,
    version        bigint      NOT NULL,
    sequence       bigint      NOT NULL, -- of the event with that version
    shape          text        NOT NULL, -- a hash of the structure of state; one of another shape is not used
    state          json        NOT NULL,
    taken_at       timestamptz NOT NULL DEFAULT now()
);
