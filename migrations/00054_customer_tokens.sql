-- A key of the role customer has no secret: the shop signs tokens of its customers, and the platform knows the public
-- key alone. Whoever has a copy of this table can sign none.
ALTER TABLE orderloom.api_keys
    ALTER COLUMN hash DROP NOT NULL,
    ADD COLUMN public_key bytea,
    ADD CONSTRAINT api_keys_secret CHECK ((hash IS NULL) <> (public_key IS NULL));
