-- What a relay holds back: the events of an aggregate type whose topic takes nothing, such as one that does not exist. The
-- cursor goes on past them, and they are published once the topic takes them.
CREATE TABLE orderloom.relay_withheld (
    name           text        NOT NULL, -- of the relay's cursor
    aggregate_type text        NOT NULL,
    -- The last sequence up to which events of this type are published.
    position       bigint      NOT NULL,
    error          text        NOT NULL,
    since          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, aggregate_type)
);
