package readmodel

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// Shown is an order as it is shown: JSON that was written once, when the order changed, and is only passed on by those
// who read it. Whoever needs a single field of it asks for its [Shown.View].
type Shown struct {
	OrderID        uuid.UUID `json:"order_id"`
	Version        int64     `json:"version"`
	PaymentVersion int64     `json:"payment_version"`
	// JSON is the [OrderView] as an object. It is not to be changed: others read the same memory.
	JSON json.RawMessage `json:"order"`
	// Personal seals an [order.Recipient], and is no part of JSON.
	Personal domain.Sealed `json:"personal"`
}

// Shown returns the view as it is shown, with empty lists rather than nulls, and
// with a currency for the nothing that was captured.
func (v OrderView) Shown() Shown {
	if v.Items == nil {
		v.Items = []order.Item{}
	}
	if v.Shipments == nil {
		v.Shipments = []order.Shipment{}
	}
	v.nameNothing()
	text, err := json.Marshal(v)
	if err != nil {
		panic("readmodel: " + err.Error()) // plain values only
	}
	return Shown{OrderID: v.OrderID, Version: v.Version, PaymentVersion: v.PaymentVersion, JSON: text, Personal: v.Personal}
}

// View returns the fields of the order. Nothing can be folded onto it.
func (s Shown) View() (OrderView, error) {
	v := OrderView{Personal: s.Personal}
	if err := json.Unmarshal(s.JSON, &v); err != nil {
		return OrderView{}, fmt.Errorf("read order %s: %w", s.OrderID, err)
	}
	return v, nil
}

// Parked reports whether the order has later events that the view can't show.
func (s Shown) Parked() bool { return bytes.Contains(s.JSON, parkedMember) }

// parkedMember begins the member of that name. Within a text, the quotes would be escaped.
var parkedMember = []byte(`"parked":[`)

// version is where both of the order's streams are.
func (s Shown) version() OrderVersion {
	return OrderVersion{OrderID: s.OrderID, Version: s.Version, PaymentVersion: s.PaymentVersion}
}

// shownColumns are the columns of order_views that an order is shown from. The sealed personal section is left out
// unless it is asked for.
func shownColumns(personal bool) string {
	const columns = "order_id, version, payment_version, shown, "
	if personal {
		return columns + "coalesce(personal_key, ''), personal_data"
	}
	return columns + "'', NULL::bytea"
}

// shownScanner reads up to rows rows of [shownColumns], one after the other, whose texts then lie in one piece of
// memory.
type shownScanner struct {
	rows  int
	into  []any
	texts []byte
	last  []byte
}

// textsBytesMax bounds the memory that is taken ahead because of the first row.
const textsBytesMax = 256 << 10

// ScanBytes implements [pgtype.BytesScanner].
func (s *shownScanner) ScanBytes(b []byte) error {
	if s.texts == nil {
		s.texts = make([]byte, 0, min(s.rows*(len(b)+len(b)/8), max(len(b), textsBytesMax))) // rows are alike
	}
	n := len(s.texts)
	s.texts = append(s.texts, b...)
	s.last = s.texts[n:len(s.texts):len(s.texts)]
	return nil
}

// scan reads a row, and what stands behind its columns into more.
func (s *shownScanner) scan(row pgx.Row, o *Shown, more ...any) error {
	// As bytes, the id does not go through database/sql.
	s.into = append(s.into[:0], (*[16]byte)(&o.OrderID), &o.Version, &o.PaymentVersion, s, &o.Personal.Key, &o.Personal.Data)
	if err := row.Scan(append(s.into, more...)...); err != nil {
		return err
	}
	o.JSON = s.last
	return nil
}
