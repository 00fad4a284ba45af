package readmodel

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/shopspring/decimal"
)

// jsonText reads a JSON text that PostgreSQL has written, of which it is known that it is well-formed. The members
// of an object come in any order, unknown ones are passed over, and strings share the memory of the text.
// The first thing that is not as expected ends the reading and is kept in err.
//
// A page of orders has a hundred such texts; reading them by reflection was most of its time.
type jsonText struct {
	src string
	pos int
	err error

	number string
	value  decimal.Decimal
}

var errUnexpectedJSON = errors.New("the JSON is not what was written")

// open begins with another text, and reports whether there is anything to read. An error stays.
func (t *jsonText) open(src string) bool {
	t.src, t.pos = src, 0
	return src != "" && t.err == nil
}

func (t *jsonText) fail(err error) {
	if t.err == nil {
		t.err = err
	}
	t.pos = len(t.src)
}

// next is the byte that comes next after white space, 0 at the end.
func (t *jsonText) next() byte {
	for ; t.pos < len(t.src); t.pos++ {
		if c := t.src[t.pos]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

// take passes over a byte if it is the next.
func (t *jsonText) take(c byte) bool {
	if t.next() != c {
		return false
	}
	t.pos++
	return true
}

// null passes over a null.
func (t *jsonText) null() bool {
	if t.next() != 'n' || !strings.HasPrefix(t.src[t.pos:], "null") {
		return false
	}
	t.pos += len("null")
	return true
}

// object calls member with the name of each member, to read its value; null has none.
func (t *jsonText) object(member func(name string)) {
	if t.null() {
		return
	}
	if !t.take('{') {
		t.fail(errUnexpectedJSON)
		return
	}
	if t.take('}') {
		return
	}
	for t.err == nil {
		name := t.text()
		if !t.take(':') {
			t.fail(errUnexpectedJSON)
			return
		}
		member(name)
		if !t.take(',') {
			break
		}
	}
	if !t.take('}') {
		t.fail(errUnexpectedJSON)
	}
}

// listOf reads an array, nil for null.
func listOf[T any](t *jsonText, one func(*jsonText, *T)) []T {
	if t.null() {
		return nil
	}
	if !t.take('[') {
		t.fail(errUnexpectedJSON)
		return nil
	}
	all := []T{}
	if t.take(']') {
		return all
	}
	all = make([]T, 0, 1)
	for t.err == nil {
		var zero T
		all = append(all, zero)
		one(t, &all[len(all)-1])
		if !t.take(',') {
			break
		}
	}
	if !t.take(']') {
		t.fail(errUnexpectedJSON)
	}
	return all
}

// text reads a string, empty for null.
func (t *jsonText) text() string {
	if t.null() {
		return ""
	}
	if t.next() != '"' {
		t.fail(errUnexpectedJSON)
		return ""
	}
	start := t.pos
	t.pos++
	if n := strings.IndexByte(t.src[t.pos:], '"'); n >= 0 {
		if plain := t.src[t.pos : t.pos+n]; strings.IndexByte(plain, '\\') < 0 {
			t.pos += n + 1
			return plain
		}
	}
	for ; t.pos < len(t.src); t.pos++ {
		switch t.src[t.pos] {
		case '\\':
			t.pos++
		case '"':
			t.pos++
			return t.unescape(t.src[start:t.pos])
		}
	}
	t.fail(errUnexpectedJSON)
	return ""
}

func (t *jsonText) unescape(quoted string) (s string) {
	if err := json.Unmarshal([]byte(quoted), &s); err != nil {
		t.fail(err)
	}
	return s
}

func (t *jsonText) integer() int {
	if t.null() {
		return 0
	}
	t.next()
	start := t.pos
	for t.pos < len(t.src) && (t.src[t.pos] == '-' || t.src[t.pos] >= '0' && t.src[t.pos] <= '9') {
		t.pos++
	}
	n, err := strconv.Atoi(t.src[start:t.pos])
	if err != nil {
		t.fail(err)
	}
	return n
}

func (t *jsonText) boolean() bool {
	is := t.next() == 't'
	t.skip()
	return is
}

// bytes reads what encoding/json makes of bytes: base64.
func (t *jsonText) bytes() []byte {
	b, err := base64.StdEncoding.DecodeString(t.text())
	if err != nil {
		t.fail(err)
	}
	return b
}

func (t *jsonText) id() (id uuid.UUID) {
	if s := t.text(); s != "" {
		var err error
		if id, err = uuid.Parse(s); err != nil {
			t.fail(err)
		}
	}
	return id
}

func (t *jsonText) time() (at time.Time) {
	if s := t.text(); s != "" {
		var err error
		if at, err = time.Parse(time.RFC3339Nano, s); err != nil {
			t.fail(err)
		}
	}
	return at
}

func (t *jsonText) money() (m money.Money) {
	t.object(func(name string) {
		switch name {
		case "amount":
			m.Amount = t.decimal(t.text())
		case "currency":
			m.Currency = t.text()
		default:
			t.skip()
		}
	})
	return m
}

// amount is an amount that is no JSON.
func (t *jsonText) amount(number, currency string) money.Money {
	return money.Money{Amount: t.decimal(number), Currency: currency}
}

// decimal keeps the number that it has read last: the amounts of an order are often the same.
func (t *jsonText) decimal(number string) decimal.Decimal {
	if number == t.number && number != "" {
		return t.value
	}
	d, err := decimalOf(number)
	if err != nil {
		t.fail(err)
	}
	t.number, t.value = number, d
	return d
}

// skip passes over a value of any kind.
func (t *jsonText) skip() {
	for depth := 0; t.err == nil; {
		switch t.next() {
		case '"':
			t.text()
		case '{', '[':
			depth++
			t.pos++
		case '}', ']':
			depth--
			t.pos++
		case 0:
			t.fail(errUnexpectedJSON)
		case ',', ':':
			t.pos++
		default:
			t.word()
		}
		if depth <= 0 {
			return
		}
	}
}

// word passes over a number, true, false or null.
func (t *jsonText) word() {
	for t.pos < len(t.src) && strings.IndexByte(",:]} \n\t\r", t.src[t.pos]) < 0 {
		t.pos++
	}
}

func readItem(t *jsonText, i *order.Item) {
	t.object(func(name string) {
		switch name {
		case "product_id":
			i.ProductID = t.text()
		case "sku":
			i.SKU = t.text()
		case "quantity":
			i.Quantity = t.integer()
		case "unit_price":
			i.UnitPrice = t.money()
		default:
			t.skip()
		}
	})
}

func readShipment(t *jsonText, s *order.Shipment) {
	t.object(func(name string) {
		switch name {
		case "shipment_id":
			s.ShipmentID = t.id()
		case "location":
			s.Location = t.text()
		case "lines":
			s.Lines = listOf(t, readShipmentLine)
		case "amount":
			s.Amount = t.money()
		case "status":
			s.Status = order.ShipmentStatus(t.text())
		case "carrier":
			s.Carrier = t.text()
		case "tracking_number":
			s.TrackingNumber = t.text()
		default:
			t.skip()
		}
	})
}

func readShipmentLine(t *jsonText, l *order.ShipmentLine) {
	t.object(func(name string) {
		switch name {
		case "sku":
			l.SKU = t.text()
		case "quantity":
			l.Quantity = t.integer()
		case "unit_price":
			l.UnitPrice = t.money()
		case "returned":
			l.Returned = t.integer()
		default:
			t.skip()
		}
	})
}

func readRefund(t *jsonText, r *Refund) {
	t.object(func(name string) {
		switch name {
		case "refund_id":
			r.RefundID = t.id()
		case "amount":
			r.Amount = t.money()
		case "reason":
			r.Reason = t.text()
		case "refunded_at":
			r.RefundedAt = t.time()
		default:
			t.skip()
		}
	})
}

func readReturn(t *jsonText, r *order.Refundable) {
	t.object(func(name string) {
		switch name {
		case "return_id":
			r.ReturnID = t.id()
		case "amount":
			r.Amount = t.money()
		default:
			t.skip()
		}
	})
}

func readSealed(t *jsonText, s *domain.Sealed) {
	t.object(func(name string) {
		switch name {
		case "key":
			s.Key = t.text()
		case "data":
			s.Data = t.bytes()
		default:
			t.skip()
		}
	})
}

// decimalOf reads a decimal number, without the detours of package decimal when it fits into 64 bits.
func decimalOf(s string) (decimal.Decimal, error) {
	var n int64
	var exponent int32
	point := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9' && len(s) <= 18:
			n = n*10 + int64(c-'0')
			if point {
				exponent--
			}
		case c == '.' && !point && i > 0:
			point = true
		default:
			return decimal.NewFromString(s)
		}
	}
	if s == "" {
		return decimal.NewFromString(s)
	}
	return decimal.New(n, exponent), nil
}
