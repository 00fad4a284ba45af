-- What went back to a customer, of cancelled orders too.
ALTER TABLE orderloom.customer_summaries
    ADD COLUMN refunded_amount numeric NOT NULL DEFAULT 0;

-- Payments of which a refund is owed or asked for, and has no answer yet: few at a time, and a saga carries each on.
ALTER TABLE orderloom.payment_views
    ADD COLUMN refunds_open boolean NOT NULL DEFAULT false;
CREATE INDEX payment_views_refunds_open ON orderloom.payment_views (order_id) WHERE refunds_open;
