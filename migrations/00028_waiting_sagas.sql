-- Sagas that wait for a person, as the last look for them has found them: orders that need a saga and have none, and
-- executions that keep failing. attention_id stays the same while a saga waits.
CREATE TABLE orderloom.waiting_sagas (
    attention_id uuid        PRIMARY KEY,
    cause        text        NOT NULL,
    workflow_id  text        NOT NULL,
    run_id       text,
    -- Of an execution that belongs to no single order: NULL.
    order_id     uuid,
    order_number text,
    -- How often the order was resumed without success.
    attempts     integer     NOT NULL,
    detail       text        NOT NULL,
    since        timestamptz NOT NULL DEFAULT now()
);
-- What is parked is named like all else that waits for a person.
ALTER TABLE orderloom.parked_streams ADD COLUMN attention_id uuid NOT NULL DEFAULT gen_random_uuid();
