-- Which carrier took which shipment: one row for each event of an order, so that the highest version of a stream is the
-- last one seen. carrier is NULL where the event handed no shipment over.
CREATE TABLE orderloom.carrier_shipments (
    aggregate_id uuid   NOT NULL,
    version      bigint NOT NULL,
    carrier      text,
    PRIMARY KEY (aggregate_id, version)
);
