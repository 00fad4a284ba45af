package order

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Limits of returns.
const (
	// ReturnNoteMax is how many characters the note on a line of a return has at most.
	ReturnNoteMax = 500
	// ReturnsMax is how many returns of an order may be requested.
	ReturnsMax = 100
)

// Refusals.
const (
	// CodeReturnNotApproved refuses goods of a return that nobody has approved.
	CodeReturnNotApproved domain.ErrorCode = "return_not_approved"
	// CodeReturnDecided refuses what a return does not allow any more, because it has gone on or has ended.
	CodeReturnDecided domain.ErrorCode = "return_decided"
	// CodeTooManyReturns refuses a request beyond [ReturnsMax].
	CodeTooManyReturns domain.ErrorCode = "too_many_returns"
)

// ReturnStatus is where a return stands.
type ReturnStatus string

// The states of a return.
const (
	ReturnStatusRequested ReturnStatus = "requested"
	ReturnStatusApproved  ReturnStatus = "approved"
	// ReturnStatusReceived is a return whose goods came back.
	ReturnStatusReceived ReturnStatus = "received"
	// ReturnStatusRefunded is a received return of which nothing is owed any more. It follows from the payment, so an
	// order by itself does not tell it.
	ReturnStatusRefunded  ReturnStatus = "refunded"
	ReturnStatusRefused   ReturnStatus = "refused"
	ReturnStatusCancelled ReturnStatus = "cancelled"
	// ReturnStatusExpired is an approved return whose goods did not come in time.
	ReturnStatusExpired ReturnStatus = "expired"
)

// Open reports whether goods are expected of a return in this state, or somebody has to decide on it.
func (s ReturnStatus) Open() bool { return s == ReturnStatusRequested || s == ReturnStatusApproved }

// ReturnReason is why pieces come back.
type ReturnReason string

// ReturnReasons are all reasons that a return may have.
func ReturnReasons() []ReturnReason {
	return []ReturnReason{
		"damaged", "defective", "wrong_item", "not_as_described", "does_not_fit", "arrived_late", "changed_mind", "other",
	}
}

func (r ReturnReason) check(bad *domain.Invalids, field string, required bool) {
	if (r != "" || required) && !slices.Contains(ReturnReasons(), r) {
		bad.Add(field, "must be one of %s, got %q", joined(ReturnReasons()), domain.Clip(string(r)))
	}
}

func joined[S ~string](all []S) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

// ReturnRecord is a return, and what has become of it.
type ReturnRecord struct {
	ReturnID uuid.UUID `json:"return_id"`
	// Status is empty in states from before returns had one: it is received.
	Status ReturnStatus `json:"status,omitempty"`
	// Lines are the pieces that are to come back. There are none in states from before they were kept.
	Lines []ReturnPieces `json:"lines,omitempty"`
	// Amount is what the goods had cost that came back.
	Amount money.Money `json:"amount"`
	// NothingOwed says that nothing was to be refunded for them: all of it went back before.
	NothingOwed bool   `json:"nothing_owed,omitempty"`
	Reason      string `json:"reason,omitempty"`
	// RequestedBy is empty for goods that came without a request.
	RequestedBy string    `json:"requested_by,omitempty"`
	RequestedAt time.Time `json:"requested_at,omitzero"`
	// DecideBy is until when somebody should have decided, and Overdue is true once nobody has by then.
	DecideBy time.Time `json:"decide_by,omitzero"`
	Overdue  bool      `json:"overdue,omitempty"`
	// ExchangeOrderID is the order that the goods pay for.
	ExchangeOrderID uuid.UUID `json:"exchange_order_id,omitzero"`
	// Carrier and TrackingNumber are those of the label, if there is one.
	Carrier        string    `json:"carrier,omitempty"`
	TrackingNumber string    `json:"tracking_number,omitempty"`
	ApprovedBy     string    `json:"approved_by,omitempty"`
	ApprovedAt     time.Time `json:"approved_at,omitzero"`
	// ExpiresAt is until when the goods are expected.
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	ReturnedAt time.Time `json:"returned_at,omitzero"`
	// EndReason is why it was refused or cancelled, and EndedBy who has done it. EndedAt is of expired ones too.
	EndReason string    `json:"end_reason,omitempty"`
	EndedBy   string    `json:"ended_by,omitempty"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// ReturnPieces are pieces of a line that are to come back, or came.
type ReturnPieces struct {
	LineID   uuid.UUID `json:"line_id"`
	SKU      string    `json:"sku"`
	Quantity int       `json:"quantity"`
	// Received of them came back, and Restocked of these are in the stock again.
	Received  int          `json:"received,omitempty"`
	Restocked int          `json:"restocked,omitempty"`
	Reason    ReturnReason `json:"reason,omitempty"`
	Note      string       `json:"note,omitempty"`
}

// Quantity is how many pieces of a line are to come back.
func (r ReturnRecord) Quantity(lineID uuid.UUID) (n int) {
	for _, l := range r.Lines {
		if l.LineID == lineID {
			n += l.Quantity
		}
	}
	return n
}

// come notes pieces that came. Without a request before, they are what was to come.
func (r *ReturnRecord) come(e ReturnedLine, atOnce bool) {
	n := e.Quantity
	r.Lines = slices.Clone(r.Lines)
	if atOnce {
		r.Lines = append(r.Lines, ReturnPieces{LineID: e.LineID, SKU: e.SKU, Quantity: n, Reason: e.Reason, Note: e.Note})
	}
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.LineID != e.LineID {
			continue
		}
		part := min(n, l.Quantity-l.Received)
		l.Received, n = l.Received+part, n-part
		if e.Restock && e.Location != "" {
			l.Restocked += part
		}
	}
}

func (r ReturnRecord) decided(o Order) error {
	return domain.Refuse(CodeReturnDecided, "return %s of order %s is %s", r.ReturnID, o.Number, cmp.Or(r.Status, ReturnStatusReceived))
}

// FindReturn returns the return with this id.
func (o Order) FindReturn(id uuid.UUID) (ReturnRecord, bool) {
	if i := o.returnIndex(id); i >= 0 {
		return o.Returns[i], true
	}
	return ReturnRecord{}, false
}

func (o Order) returnIndex(id uuid.UUID) int {
	return slices.IndexFunc(o.Returns, func(r ReturnRecord) bool { return r.ReturnID == id })
}

// findReturn is [Order.FindReturn]. Error: not_found.
func findReturn(o Order, id uuid.UUID) (ReturnRecord, error) {
	if o.Status == "" {
		return ReturnRecord{}, notFound(o)
	}
	r, known := o.FindReturn(id)
	if !known {
		return r, domain.Refuse(domain.CodeNotFound, "order %s has no return %s", o.Number, id)
	}
	return r, nil
}

// UnderReturn is how many pieces of a line are expected back.
func (o Order) UnderReturn(lineID uuid.UUID) int { return o.underReturn(lineID, uuid.Nil) }

// underReturn is [Order.UnderReturn] without one return.
func (o Order) underReturn(lineID, except uuid.UUID) (n int) {
	for _, r := range o.Returns {
		if r.Status.Open() && r.ReturnID != except {
			n += r.Quantity(lineID)
		}
	}
	return n
}

// ReturnsDue is when the first of the order's returns is decided too late or expires; zero for none.
func (o Order) ReturnsDue() (first time.Time) {
	for _, r := range o.Returns {
		if at := r.due(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

func (r ReturnRecord) due() time.Time {
	switch {
	case r.Status == ReturnStatusRequested && !r.Overdue:
		return r.DecideBy
	case r.Status == ReturnStatusApproved:
		return r.ExpiresAt
	}
	return time.Time{}
}

// AskToReturn asks to send goods back.
type AskToReturn struct {
	ReturnID uuid.UUID
	// Lines are what is to come. What becomes of the pieces is told when they are there.
	Lines  []ReturnLine
	Reason string
	By     string
	// DecideWithin is how long the request may wait until somebody is told; zero for ever.
	DecideWithin time.Duration
	At           time.Time
}

// RequestReturn records that goods are to come back. No money moves before they do.
//
// It returns no events for a return known already. Errors: as [Return]; too_many_returns; as [AskToReturn.Check].
func RequestReturn(o Order, c AskToReturn) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if known, err := o.CarriedOut(c.request(o)); known || err != nil {
		return nil, err
	}
	if err := canReturn(o, c.At); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	if len(o.Returns) >= ReturnsMax {
		return nil, domain.Refuse(CodeTooManyReturns, "order %s has %d returns, which is the most there may be", o.Number, len(o.Returns))
	}
	e := ReturnRequested{
		OrderID: o.ID, ReturnID: c.ReturnID, RequestContent: c.request(o).Content, Reason: c.Reason, RequestedBy: c.By, RequestedAt: c.At,
	}
	if c.DecideWithin > 0 {
		e.DecideBy = c.At.Add(c.DecideWithin)
	}
	var bad domain.Invalids
	asked := map[uuid.UUID]int{}
	take := func(lineID uuid.UUID, quantity int) (taken []uuid.UUID, short int) {
		free := max(o.keptPieces(lineID)-o.UnderReturn(lineID)-asked[lineID], 0)
		asked[lineID] += quantity
		return []uuid.UUID{lineID}, max(quantity-free, 0)
	}
	for i, taken := range takeLines(o, &bad, c.pieces(), haveReturnable, take) {
		for _, id := range taken {
			sku := ""
			if at := o.item(id); at >= 0 {
				sku = o.Items[at].SKU
			}
			e.Lines = append(e.Lines, ReturnPieces{LineID: id, SKU: sku, Quantity: c.Lines[i].Quantity, Reason: c.Lines[i].Reason, Note: c.Lines[i].Note})
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return []domain.Event{e}, nil
}

// Check names what is wrong with the request whatever the order holds, as [domain.Invalids].
func (c AskToReturn) Check() error {
	var bad domain.Invalids
	checkRequestID(&bad, "return_id", c.ReturnID)
	checkLines(&bad, c.pieces())
	for i, l := range c.Lines {
		l.Reason.check(&bad, path("lines", i)+".reason", true)
		bad.Note(path("lines", i)+".note", l.Note, ReturnNoteMax)
	}
	bad.Text("reason", c.Reason, TextLengthMax)
	checkAsker(&bad, c.By)
	return bad.Err()
}

func (c AskToReturn) pieces() []LineQuantity { return ReturnOrder{Lines: c.Lines}.Pieces() }

// request is over all that is asked, however the lines are named.
func (c AskToReturn) request(o Order) Request {
	pieces := map[string]int{}
	for i, l := range c.pieces() {
		name := l.SKU
		if line, known := o.lineMeant(new(domain.Invalids), "", l); known {
			name = line.LineID.String()
		}
		pieces[fmt.Sprintf("%q because %q %q", name, c.Lines[i].Reason, c.Lines[i].Note)] += l.Quantity
	}
	var text strings.Builder
	for _, line := range slices.Sorted(maps.Keys(pieces)) {
		fmt.Fprintf(&text, "%s %d ", line, pieces[line])
	}
	fmt.Fprintf(&text, "%q %q", c.Reason, c.By)
	return Request{ID: c.ReturnID, Content: domain.DerivedID(c.ReturnID, "request return "+text.String())}
}
