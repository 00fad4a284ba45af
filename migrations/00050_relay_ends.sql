-- Where the partitions of Kafka ended when the leading relay looked last. An end that has gone back tells that Kafka has
-- lost what was published.
CREATE TABLE orderloom.relay_ends (
    name       text    NOT NULL REFERENCES orderloom.relay_cursors (name) ON DELETE CASCADE,
    topic      text    NOT NULL,
    partition  integer NOT NULL,
    end_offset bigint  NOT NULL,
    PRIMARY KEY (name, topic, partition)
);

-- When that was found; NULL once everything is to be published again.
ALTER TABLE orderloom.relay_cursors ADD COLUMN lost_since timestamptz;
