-- Who may call the API. Of a key only its hash is here. A rotated key keeps its row: its former secret holds until
-- previous_until.
CREATE TABLE orderloom.api_keys (
    key_id         uuid        PRIMARY KEY,
    account        text        NOT NULL,
    name           text        NOT NULL,
    role           text        NOT NULL,
    -- NULL for those of the role, and for all channels.
    scopes         text[],
    channels       text[],
    hash           bytea       NOT NULL UNIQUE,
    hint           text        NOT NULL,
    previous_hash  bytea       UNIQUE,
    previous_until timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     text        NOT NULL,
    expires_at     timestamptz,
    rotated_at     timestamptz,
    revoked_at     timestamptz,
    last_used_at   timestamptz,
    -- Tells the request that made or rotated it when that comes again.
    request_hash   text        NOT NULL,
    rotation_id    uuid
);

-- How often the keys have changed. Every process looks at it twice a second, and reads the keys when it is another.
CREATE TABLE orderloom.access_version (
    version bigint NOT NULL
);
CREATE UNIQUE INDEX access_version_one ON orderloom.access_version ((true));
INSERT INTO orderloom.access_version VALUES (1);

-- A trigger, so that no change can be forgotten. One row, so that changes are seen in the order in which they commit.
CREATE FUNCTION orderloom.access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orderloom.access_version SET version = version + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER access_changed AFTER INSERT OR DELETE OR TRUNCATE ON orderloom.api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION orderloom.access_changed();
CREATE TRIGGER access_changed_of AFTER UPDATE OF account, role, scopes, channels, hash, previous_hash, previous_until, expires_at, revoked_at
    ON orderloom.api_keys FOR EACH STATEMENT EXECUTE FUNCTION orderloom.access_changed();
