-- How new the events up to a sequence are at most, for every so many numbers. Whoever asks for events from a time on
-- begins behind the last row that is older, and nothing that was asked for lies before it. The store's maintenance adds
-- rows behind the high-water mark, below which nothing appears any more.
CREATE TABLE orderloom.event_times (
    sequence bigint      NOT NULL PRIMARY KEY,
    newest   timestamptz NOT NULL -- of all events up to sequence: it never falls
);
CREATE INDEX event_times_newest ON orderloom.event_times (newest, sequence);
