package readmodel

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
)

// OrderVersion tells how far the view of an order has come.
type OrderVersion struct {
	OrderID        uuid.UUID
	Version        int64
	PaymentVersion int64
}

// total orders the states of one order's view: both versions only rise.
func (v OrderVersion) total() int64 { return v.Version + v.PaymentVersion }

// ETag is an entity tag (RFC 9110, section 8.8.3) of the order: the same as long as its state is.
func (v OrderView) ETag() string { return fmt.Sprintf(`"%d.%d"`, v.Version, v.PaymentVersion) }

// OrderColumns are the columns of order_views that [ScanOrder] reads, in its order.
const OrderColumns = `order_id, version, payment_version, updated_at, order_number, customer_id, status, total_amount::text, currency,
	items, shipments, shipping_address, refunds, order_state, payment_state`

// ScanOrder reads the present row of order_views, selected as [OrderColumns].
func ScanOrder(row pgx.Row) (OrderView, error) {
	v := NewOrderView(uuid.Nil)
	var number, customer, status, total, currency *string
	var items, shipments, personal, refunds, orderState, paymentState []byte
	err := row.Scan(&v.OrderID, &v.Version, &v.PaymentVersion, &v.UpdatedAt, &number, &customer, &status, &total, &currency,
		&items, &shipments, &personal, &refunds, &orderState, &paymentState)
	if err != nil {
		return OrderView{}, err
	}
	v.UpdatedAt = v.UpdatedAt.UTC()
	for _, f := range []struct {
		json []byte
		into any
	}{
		{orderState, &v.order},
		{items, &v.order.Items},
		{shipments, &v.order.Shipments},
		{personal, &v.order.Personal},
		{refunds, &v.Refunds},
		{paymentState, &v.payment},
	} {
		if f.json == nil {
			continue
		}
		if err := json.Unmarshal(f.json, f.into); err != nil {
			return OrderView{}, fmt.Errorf("read order %s: %w", v.OrderID, err)
		}
	}
	if status != nil {
		v.order.ID, v.order.Number, v.order.CustomerID, v.order.Status = v.OrderID, *number, *customer, order.Status(*status)
		if v.order.Total, err = amount(*total, *currency); err != nil {
			return OrderView{}, err
		}
		v.showOrder()
	}
	v.showPayment()
	return v, nil
}

// OrderState returns what [ScanOrder] reads as order_state: the state of the order without what stands in
// columns of its own, as JSON.
func (v OrderView) OrderState() ([]byte, error) {
	o := v.order
	o.ID, o.Number, o.CustomerID, o.Status, o.Total = uuid.Nil, "", "", "", money.Money{}
	o.Items, o.Shipments, o.Personal = nil, nil, domain.Sealed{}
	return json.Marshal(o)
}

// PaymentState returns what [ScanOrder] reads as payment_state: the state of the payment as JSON.
func (v OrderView) PaymentState() ([]byte, error) { return json.Marshal(v.payment) }

func amount(s, currency string) (money.Money, error) {
	d, err := decimalOf(s)
	return money.Money{Amount: d, Currency: currency}, err
}
