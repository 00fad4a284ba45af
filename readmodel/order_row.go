package readmodel

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/shopspring/decimal"
)

// ErrUnreadableRow is the error for a row of a view whose JSON is not what its columns are to hold.
var ErrUnreadableRow = errors.New("the row can't be read")

// OrderVersion tells how far the view of an order has come.
type OrderVersion struct {
	OrderID        uuid.UUID
	Version        int64
	PaymentVersion int64
}

// total orders the states of one order's view: both versions only rise.
func (v OrderVersion) total() int64 { return v.Version + v.PaymentVersion }

// OrderColumns are the columns of order_views that [ScanOrder] reads, in its order.
const OrderColumns = "order_id, version, payment_version, shown, personal_key, personal_data, order_state, payment_state"

// ScanOrder reads the present row of order_views, selected as [OrderColumns], with the states that folds go on from.
func ScanOrder(row pgx.Row) (OrderView, error) {
	v := NewOrderView(uuid.Nil)
	var id uuid.UUID
	var version, paymentVersion int64
	var personalKey *string
	var shown, personalData, orderState, paymentState []byte
	if err := row.Scan(&id, &version, &paymentVersion, &shown, &personalKey, &personalData, &orderState, &paymentState); err != nil {
		return OrderView{}, err
	}
	for _, f := range []struct {
		json []byte
		into any
	}{{shown, &v}, {orderState, &v.order}, {paymentState, &v.payment}} {
		if f.json == nil {
			continue
		}
		if err := json.Unmarshal(f.json, f.into); err != nil {
			return OrderView{}, fmt.Errorf("read order %s: %w: %w", id, ErrUnreadableRow, err)
		}
	}
	v.OrderID, v.Version, v.PaymentVersion = id, version, paymentVersion
	if personalKey != nil {
		v.Personal = domain.Sealed{Key: *personalKey, Data: personalData}
	}
	if v.Status != "" {
		o := &v.order
		o.ID, o.Number, o.CustomerID, o.Status, o.Total = v.OrderID, v.OrderNumber, v.CustomerID, v.Status, v.Total
		o.Items, o.Shipments, o.Personal = v.Items, v.Shipments, v.Personal
		o.ShippingLines, o.Discounts, o.Rounding, o.References = v.ShippingLines, v.Discounts, v.Rounding, v.References
	}
	return v, nil
}

// OrderState returns what [ScanOrder] reads as order_state: the state of the order as JSON, without what that
// takes from the shown order.
func (v OrderView) OrderState() ([]byte, error) {
	// The pointers stand in for the members of the same names, and are left out.
	return json.Marshal(struct {
		order.Order
		ID         *struct{} `json:"order_id,omitempty"`
		Number     *struct{} `json:"order_number,omitempty"`
		CustomerID *struct{} `json:"customer_id,omitempty"`
		Status     *struct{} `json:"status,omitempty"`
		Total      *struct{} `json:"total,omitempty"`
		Items      *struct{} `json:"items,omitempty"`
		Shipments  *struct{} `json:"shipments,omitempty"`
		Personal   *struct{} `json:"personal,omitempty"`
		Shipping   *struct{} `json:"shipping_lines,omitempty"`
		Discounts  *struct{} `json:"discounts,omitempty"`
		Rounding   *struct{} `json:"rounding,omitempty"`
		Reference  *struct{} `json:"external_reference,omitempty"`
		Channel    *struct{} `json:"channel,omitempty"`
		Metadata   *struct{} `json:"metadata,omitempty"`
		Tags       *struct{} `json:"tags,omitempty"`
		// Only who decides on a request asks for it, and decides on events.
		Asked *struct{} `json:"asked,omitempty"`
	}{Order: v.order})
}

// PaymentState returns what [ScanOrder] reads as payment_state: the state of the payment as JSON.
func (v OrderView) PaymentState() ([]byte, error) { return json.Marshal(v.payment) }

func amount(s, currency string) (money.Money, error) {
	d, err := decimal.NewFromString(s)
	return money.Money{Amount: d, Currency: currency}, err
}
