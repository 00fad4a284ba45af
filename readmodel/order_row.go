package readmodel

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/shopspring/decimal"
)

// OrderVersion tells how far the view of an order has come.
type OrderVersion struct {
	OrderID        uuid.UUID
	Version        int64
	PaymentVersion int64
}

// total orders the states of one order's view: both versions only rise.
func (v OrderVersion) total() int64 { return v.Version + v.PaymentVersion }

// OrderColumns are the columns of order_views that [ScanOrder] reads, in its order.
const OrderColumns = `order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status, fulfillment_status,
	total_amount::text, currency, items, shipments, cancel_reason, ship_to_country, shipping_address, payment_status, captured_amount::text,
	refunded_amount::text, payment_currency, payment_action_url, refunds`

// ScanOrder reads the present row of order_views, selected as [OrderColumns].
func ScanOrder(row pgx.Row) (OrderView, error) {
	var v OrderView
	var created *time.Time
	var number, customer, status, fulfillment, total, currency *string
	var items, shipments, personal, refunds []byte
	var captured, refunded, paymentCurrency string
	err := row.Scan(&v.OrderID, &v.Version, &v.PaymentVersion, &created, &v.UpdatedAt, &number, &customer, &status, &fulfillment,
		&total, &currency, &items, &shipments, &v.CancelReason, &v.ShipToCountry, &personal, &v.PaymentStatus, &captured,
		&refunded, &paymentCurrency, &v.PaymentActionURL, &refunds)
	if err != nil {
		return OrderView{}, err
	}
	v.FulfillmentStatus = order.Order{}.FulfillmentStatus()
	if status != nil {
		v.OrderNumber, v.CustomerID, v.Status, v.FulfillmentStatus = *number, *customer, order.Status(*status), *fulfillment
		if v.Total, err = amount(*total, *currency); err != nil {
			return OrderView{}, err
		}
	}
	if created != nil {
		v.CreatedAt = created.UTC()
	}
	v.UpdatedAt = v.UpdatedAt.UTC()
	if v.Captured, err = amount(captured, paymentCurrency); err != nil {
		return OrderView{}, err
	}
	if v.Refunded, err = amount(refunded, paymentCurrency); err != nil {
		return OrderView{}, err
	}
	for _, f := range []struct {
		json []byte
		into any
	}{{items, &v.Items}, {shipments, &v.Shipments}, {personal, &v.Personal}, {refunds, &v.Refunds}} {
		if f.json == nil {
			continue
		}
		if err := json.Unmarshal(f.json, f.into); err != nil {
			return OrderView{}, fmt.Errorf("read order %s: %w", v.OrderID, err)
		}
	}
	return v, nil
}

func amount(s, currency string) (money.Money, error) {
	d, err := decimal.NewFromString(s)
	return money.Money{Amount: d, Currency: currency}, err
}
