-- What delivery and the read side keep: the relay's cursor, the views, and how far each has come.

-- How far the relay has published. One row for each relay; "orderloom" is the only one so far.
CREATE TABLE orderloom.relay_cursors (
    name        text        NOT NULL PRIMARY KEY,
    -- The last sequence that Kafka has, with all before it. One number, so that a dump keeps it valid.
    position    bigint      NOT NULL DEFAULT 0,
    -- Rises with every new leader: a deposed one can't move the position any more.
    epoch       bigint      NOT NULL DEFAULT 0,
    leader      text        NOT NULL DEFAULT '',
    leader_since timestamptz,
    -- The event store that position belongs to.
    store_id    uuid,
    store_epoch bigint,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- An order with its payment and parcels. The columns from the order's stream and those from the payment's
-- change independently of each other, each with a version of its own: the two streams come over different
-- topics, in no mutual order. A row with version 0 has only heard of the payment and is shown to nobody.
CREATE TABLE orderloom.order_views (
    order_id           uuid        NOT NULL PRIMARY KEY,
    version            bigint      NOT NULL DEFAULT 0,
    payment_version    bigint      NOT NULL DEFAULT 0,
    created_at         timestamptz,
    updated_at         timestamptz NOT NULL,
    order_number       text,
    customer_id        text,
    status             text,
    fulfillment_status text,
    total_amount       numeric,
    currency           text,
    items              jsonb,
    skus               text[],
    shipments          jsonb,
    -- The sealed personal section, so that erasing the customer's key erases it here as well.
    shipping_address   jsonb,
    payment_status     text        NOT NULL DEFAULT '',
    captured_amount    numeric     NOT NULL DEFAULT 0,
    refunded_amount    numeric     NOT NULL DEFAULT 0,
    refunds            jsonb,
    -- What else the folds of the two streams need to go on: the order without what stands in columns, and the payment.
    order_state        jsonb,
    payment_state      jsonb
) WITH (fillfactor = 85);

-- Serves the lookup of a number and of its beginning; text_pattern_ops because a prefix is no range in most locales.
CREATE UNIQUE INDEX order_views_number ON orderloom.order_views (order_number text_pattern_ops);
CREATE INDEX order_views_created ON orderloom.order_views (created_at, order_id);
CREATE INDEX order_views_customer ON orderloom.order_views (customer_id, created_at, order_id);
CREATE INDEX order_views_status ON orderloom.order_views (status, created_at, order_id);
CREATE INDEX order_views_payment_status ON orderloom.order_views (payment_status, created_at, order_id);
CREATE INDEX order_views_total ON orderloom.order_views (total_amount, order_id);
CREATE INDEX order_views_skus ON orderloom.order_views USING gin (skus);

-- One row for each customer and currency, summed from order_views in the transaction that changes them.
CREATE TABLE orderloom.customer_summaries (
    customer_id    text        NOT NULL,
    currency       text        NOT NULL,
    orders         bigint      NOT NULL,
    cancelled      bigint      NOT NULL,
    delivered      bigint      NOT NULL,
    -- What was ordered and not cancelled.
    total_amount   numeric     NOT NULL,
    first_order_at timestamptz NOT NULL,
    last_order_at  timestamptz NOT NULL,
    PRIMARY KEY (customer_id, currency)
) WITH (fillfactor = 80);

CREATE TABLE orderloom.payment_views (
    payment_id        uuid        NOT NULL PRIMARY KEY,
    order_id          uuid        NOT NULL,
    version           bigint      NOT NULL,
    status            text        NOT NULL,
    currency          text        NOT NULL,
    authorized_amount numeric     NOT NULL,
    captured_amount   numeric     NOT NULL,
    refunded_amount   numeric     NOT NULL,
    gateway_ref       text        NOT NULL,
    expires_at        timestamptz,
    updated_at        timestamptz NOT NULL,
    -- The payment as a whole, from which the fold goes on.
    state             jsonb       NOT NULL
) WITH (fillfactor = 85);

CREATE INDEX payment_views_order ON orderloom.payment_views (order_id);
CREATE INDEX payment_views_gateway_ref ON orderloom.payment_views (gateway_ref) WHERE gateway_ref <> '';

CREATE TABLE orderloom.stock_levels (
    stock_id   uuid        NOT NULL PRIMARY KEY,
    sku        text        NOT NULL,
    location   text        NOT NULL,
    on_hand    bigint      NOT NULL,
    reserved   bigint      NOT NULL,
    -- What those are owed who wait for goods, by order: [{"order_id": .., "quantity": ..}].
    backorders jsonb,
    version    bigint      NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 50); -- few rows that change often

CREATE INDEX stock_levels_sku ON orderloom.stock_levels (sku, location);

-- Every event, by its stream and, where it concerns an order, by that. Rows are only added, so a stream's
-- highest version here is the last one applied.
CREATE TABLE orderloom.order_timeline (
    aggregate_id   uuid        NOT NULL,
    version        bigint      NOT NULL,
    sequence       bigint      NOT NULL,
    event_id       uuid        NOT NULL,
    order_id       uuid,
    occurred_at    timestamptz NOT NULL,
    aggregate_type text        NOT NULL,
    event_type     text        NOT NULL,
    summary        text        NOT NULL,
    caused_by      text        NOT NULL,
    PRIMARY KEY (aggregate_id, version)
);

CREATE INDEX order_timeline_order ON orderloom.order_timeline (order_id, sequence) WHERE order_id IS NOT NULL;

-- What changed in order_views, for those who follow it. tx orders the rows by transaction: all below
-- pg_snapshot_xmin(pg_current_snapshot()) are there to be seen, so a reader never passes one that commits late.
CREATE TABLE orderloom.order_changes (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tx              xid8        NOT NULL DEFAULT pg_current_xact_id(),
    order_id        uuid        NOT NULL,
    version         bigint      NOT NULL,
    payment_version bigint      NOT NULL,
    customer_id     text        NOT NULL,
    status          text        NOT NULL,
    payment_status  text        NOT NULL,
    fulfillment_status text     NOT NULL,
    changed_at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX order_changes_tx ON orderloom.order_changes (tx, id);
CREATE INDEX order_changes_changed_at ON orderloom.order_changes USING brin (changed_at);

-- The projections there are, written by the projector when it starts.
CREATE TABLE orderloom.projections (
    name           text        NOT NULL PRIMARY KEY,
    aggregates     text[]      NOT NULL,
    consumer_group text        NOT NULL,
    registered_at  timestamptz NOT NULL DEFAULT now()
);

-- Where the projectors of a consumer group stand in Kafka, written with what they have applied.
CREATE TABLE orderloom.projection_checkpoints (
    consumer_group text        NOT NULL,
    topic          text        NOT NULL,
    partition      integer     NOT NULL,
    next_offset    bigint      NOT NULL,
    -- The end of the partition when it was last looked at.
    end_offset     bigint      NOT NULL,
    -- Of the last event applied.
    sequence       bigint      NOT NULL,
    event_at       timestamptz,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer_group, topic, partition)
) WITH (fillfactor = 50);

-- Aggregates that one projection can't go on with: the event that fails, and how far the queue behind it
-- reaches. The events themselves are in the event store.
CREATE TABLE orderloom.parked_streams (
    projection     text        NOT NULL,
    aggregate_id   uuid        NOT NULL,
    aggregate_type text        NOT NULL,
    version        bigint      NOT NULL,
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    last_version   bigint      NOT NULL,
    error          text        NOT NULL,
    attempts       integer     NOT NULL DEFAULT 1,
    parked_at      timestamptz NOT NULL DEFAULT now(),
    tried_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, aggregate_id)
);

-- Events that an operator has decided to leave out of a projection, so that a rebuild leaves them out too.
CREATE TABLE orderloom.discarded_events (
    projection     text        NOT NULL,
    aggregate_id   uuid        NOT NULL,
    version        bigint      NOT NULL,
    aggregate_type text        NOT NULL,
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    reason         text        NOT NULL,
    discarded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, aggregate_id, version)
);

-- Rebuilds under way or waiting for their old tables to be dropped.
CREATE TABLE orderloom.projection_rebuilds (
    projection  text        NOT NULL PRIMARY KEY,
    state       text        NOT NULL CHECK (state IN ('filling', 'filled', 'swapped')),
    -- The last sequence in the shadow tables.
    position    bigint      NOT NULL DEFAULT 0,
    events      bigint      NOT NULL DEFAULT 0,
    store_id    uuid,
    store_epoch bigint,
    started_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
