-- The invoices and credit notes of all orders. It is no view: a number that was given never changes, and nothing makes
-- them anew. Rows are written once, in the order of the events that they are for.
CREATE TABLE orderloom.invoices (
    number      text    NOT NULL PRIMARY KEY,
    -- The number is the series with the ordinal. A series counts from 1, without a gap.
    series      text    NOT NULL,
    ordinal     bigint  NOT NULL CHECK (ordinal > 0),
    kind        text    NOT NULL,
    issued_on   date    NOT NULL,
    -- The event that it is for.
    sequence    bigint  NOT NULL UNIQUE,
    event_id    uuid    NOT NULL,
    order_id    uuid    NOT NULL,
    customer_id text    NOT NULL,
    channel     text    NOT NULL, -- '' for none
    currency    text    NOT NULL,
    total       numeric NOT NULL,
    content     json    NOT NULL,
    -- The recipient and the billing address as they were, sealed: they go with the customer's key.
    personal    jsonb   NOT NULL,
    UNIQUE (series, ordinal)
);

CREATE INDEX invoices_order ON orderloom.invoices (order_id, sequence);
CREATE INDEX invoices_customer ON orderloom.invoices (customer_id, sequence);
CREATE INDEX invoices_channel ON orderloom.invoices (channel, sequence);
CREATE INDEX invoices_date ON orderloom.invoices (issued_on, sequence);

-- The last number of each series, and its date: no later number has an earlier one.
CREATE TABLE orderloom.invoice_series (
    series  text   NOT NULL PRIMARY KEY,
    last    bigint NOT NULL,
    last_on date   NOT NULL
);

-- How far the events are numbered. It moves in the transaction that writes the invoices.
CREATE TABLE orderloom.invoice_cursor (
    singleton   boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    position    bigint  NOT NULL DEFAULT 0,
    -- The event store that position belongs to.
    store_id    uuid,
    store_epoch bigint
);

INSERT INTO orderloom.invoice_cursor DEFAULT VALUES;

-- The last line of defence: what was given out stays as it is.
CREATE FUNCTION orderloom.invoices_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'invoices are neither changed nor deleted: a number that was given stays';
END $$;

CREATE TRIGGER invoices_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON orderloom.invoices
    FOR EACH STATEMENT EXECUTE FUNCTION orderloom.invoices_stay();
