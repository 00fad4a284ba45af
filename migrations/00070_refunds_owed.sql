-- Orders whose customers are owed a refund, for its count and sum by currency: a few among all.
CREATE INDEX order_views_owed ON orderloom.order_views (currency) INCLUDE (owed_amount) WHERE owed_amount IS NOT NULL;
