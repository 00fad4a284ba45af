-- When the event happened that a parked aggregate fails at, so that the lag of its projection counts from then.
ALTER TABLE orderloom.parked_streams ADD COLUMN event_at timestamptz;
