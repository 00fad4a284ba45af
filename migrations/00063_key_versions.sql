-- The version of the API that a key gets where a request names none. Keys from before there were versions, and those of
-- an older program beside this one, have the first.
ALTER TABLE orderloom.api_keys ADD COLUMN api_version text NOT NULL DEFAULT '2026-11-27';

DROP TRIGGER access_changed_of ON orderloom.api_keys;
CREATE TRIGGER access_changed_of AFTER UPDATE OF account, role, scopes, channels, hash, previous_hash, previous_until, expires_at, revoked_at, api_version
    ON orderloom.api_keys FOR EACH STATEMENT EXECUTE FUNCTION orderloom.access_changed();
