-- Whether the store is of a live platform or of one for trying. NULL until a process of either kind has started on it.
--
-- What holds events already was live as far as anybody knows: a platform for trying must not take it over.
ALTER TABLE orderloom.store ADD COLUMN mode text CHECK (mode IN ('live', 'test'));
UPDATE orderloom.store SET mode = 'live' WHERE EXISTS (SELECT FROM orderloom.events);
