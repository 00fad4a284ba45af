-- Tells for each encryption key whether a process has the right one, without telling the key. A row stays until
-- somebody retires the key.
CREATE TABLE orderloom.key_checks (
    purpose       text        NOT NULL,
    id            text        NOT NULL,
    check_value   bytea       NOT NULL,
    seen_at       timestamptz NOT NULL DEFAULT now(),
    -- When a process first encrypted with it; NULL for a key that nobody has encrypted with.
    first_used_at timestamptz,
    retired_at    timestamptz,
    PRIMARY KEY (purpose, id)
);
