-- What may leave an ended order owing money, a refund or stock, by when it happened. Such events are few.
CREATE INDEX order_timeline_owing ON orderloom.order_timeline (occurred_at)
    WHERE event_type IN ('OrderCancelled', 'OrderLinesCancelled', 'ShipmentLost', 'ShipmentRefused');
