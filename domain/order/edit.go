package order

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
)

// EditOrder asks to change what an order holds before it leaves. What it does not name keeps its price, its discounts
// and its taxes.
type EditOrder struct {
	RequestID uuid.UUID
	// RequestHash stands for what is asked: the prices in Add may have taxes that are found anew each time.
	RequestHash string
	// Add are new lines as they were priced, see [Content.Priced].
	Add []Item
	// Set are the quantities that lines are to have. More pieces are a new line at the line's price, with its taxes and
	// without its discounts. Fewer are a cancellation. Zero takes the line out.
	Set    []LineQuantity
	Reason string
	By     string
	At     time.Time
}

// Refusals.
const (
	// CodeNotEditable refuses to edit an order that is not confirmed, or of which a shipment has left.
	CodeNotEditable domain.ErrorCode = "not_editable"
	// CodeEditDeclined refuses an edit whose money was declined. The order is as it was.
	CodeEditDeclined domain.ErrorCode = "edit_declined"
	// CodeEditUnderWay refuses an edit while the money of another one is asked for.
	CodeEditUnderWay domain.ErrorCode = "edit_under_way"
)

// Edit is what becomes of an order: lines that come to it, and pieces that are taken out.
type Edit struct {
	RequestID      uuid.UUID `json:"request_id"`
	RequestContent uuid.UUID `json:"request_content"`
	// Add are the lines with their ids and what they cost. Remove names its lines by id.
	Add    []Item         `json:"add,omitempty"`
	Remove []LineQuantity `json:"remove,omitempty"`
	// Allocations are where the goods of Add are reserved.
	Allocations []inventory.Allocation `json:"allocations,omitempty"`
	Reason      string                 `json:"reason"`
	By          string                 `json:"by"`
}

// DeclinedEdit is an edit that changed nothing, and why.
type DeclinedEdit struct {
	Request Request          `json:"request"`
	Code    domain.ErrorCode `json:"code"`
}

// Plan decides what an edit means for the order as it is: the same for a preview and for the edit itself.
//
// Errors: as [CanEdit]; [domain.Invalids] for lines that can't be added, entries that name no line or several, and an
// edit that changes nothing.
func (c EditOrder) Plan(o Order) (Edit, error) {
	if err := CanEdit(o); err != nil {
		return Edit{}, err
	}
	if err := c.Check(); err != nil {
		return Edit{}, err
	}
	var bad domain.Invalids
	e := Edit{RequestID: c.RequestID, RequestContent: c.Request().Content, Reason: c.Reason, By: c.By}
	var seen []uuid.UUID
	for i, l := range c.Set {
		line, known := o.lineMeant(&bad, path("lines", i), l)
		switch {
		case !known:
		case slices.Contains(seen, line.LineID):
			bad.Add(path("lines", i), "names a line that another entry names")
		case l.Quantity > line.Quantity:
			e.Add = append(e.Add, line.more(o.Rounding, l.Quantity-line.Quantity))
		case l.Quantity < line.Quantity:
			e.Remove = append(e.Remove, LineQuantity{LineID: line.LineID, Quantity: line.Quantity - l.Quantity})
		}
		seen = append(seen, line.LineID)
	}
	raised := len(e.Add)
	e.Add = append(e.Add, c.Add...)
	for i := range e.Add {
		e.Add[i].LineID = derived(c.RequestID, "line", i+1)
	}
	if len(bad) == 0 && len(e.Add)+len(e.Remove) == 0 {
		bad.Add("", "asks for no change")
	}
	o.checkAdded(&bad, e.Add[raised:], e.Add[:raised])
	return e, bad.Err()
}

// more returns a line of more pieces like these. Its taxes are computed of the price without discounts. A tax that was
// given as an amount alone is taken in proportion to the pieces.
func (i Item) more(r pricing.Rounding, n int) Item {
	more := i
	more.Quantity, more.Money, more.LineID = n, nil, uuid.Nil
	if i.Money == nil || len(i.Money.Taxes) == 0 {
		return more
	}
	line := pricing.Line{UnitPrice: i.UnitPrice, Quantity: n}
	given := slices.ContainsFunc(i.Money.Taxes, func(t pricing.Tax) bool { return t.Rate.IsZero() && t.Amount.IsPositive() })
	for _, t := range i.Money.Taxes {
		rule := pricing.TaxRule{Name: t.Name, Rate: t.Rate, Included: t.Included}
		if given { // a line has amounts for all of its taxes, or for none
			pieces := decimal.NewFromInt(int64(i.Quantity))
			amount := t.Amount.Amount.Mul(decimal.NewFromInt(int64(n))).DivRound(pieces, money.Digits(t.Amount.Currency))
			rule.Amount = &amount
		}
		line.Taxes = append(line.Taxes, rule)
	}
	priced, err := pricing.Price(pricing.Order{Currency: i.UnitPrice.Currency, Rounding: r, Lines: []pricing.Line{line}})
	if err != nil { // a quantity that is refused by itself
		return more
	}
	more.Money = priced.Lines[0].Detail()
	return more
}

// checkAdded names what is wrong with new lines, beside those that the order has.
func (o Order) checkAdded(bad *domain.Invalids, added, raised []Item) {
	all := slices.Concat(added, raised, o.Items)
	if len(all) > ItemsMax {
		bad.Add("add", "an order has at most %d items, and this one would have %d", ItemsMax, len(all))
		return
	}
	var wrong domain.Invalids
	lines := make([]pricing.Line, len(all))
	for i, item := range all {
		lines[i] = pricing.Line{UnitPrice: item.UnitPrice, Quantity: item.Quantity}
	}
	for i, item := range added {
		checkItem(&wrong, path("items", i), item)
		if item.UnitPrice.Currency != o.Total.Currency {
			wrong.Add(path("items", i)+".unit_price", "the order is in %s", o.Total.Currency)
		}
	}
	var priced domain.Invalids
	if errors.As(pricing.CheckLines(lines), &priced) {
		wrong = append(wrong, priced...)
	}
	if len(wrong) == 0 && len(added) > 0 {
		Content{Items: added}.check(&wrong)
	}
	for _, w := range wrong {
		w.Field = AddedField(w.Field)
		*bad = append(*bad, w)
	}
}

// AddedField is the JSON path in an edit of what new orders have at this one.
func AddedField(path string) string { return strings.Replace(path, "items", "add", 1) }

// Check names what is wrong with the request whatever the order holds, as [domain.Invalids].
func (c EditOrder) Check() error {
	var bad domain.Invalids
	checkRequestID(&bad, "request_id", c.RequestID)
	if len(c.Set) > ItemsMax {
		bad.Add("lines", "has at most %d entries, got %d", ItemsMax, len(c.Set))
	}
	for i, l := range c.Set {
		if l.LineID == uuid.Nil && l.SKU == "" {
			bad.Add(path("lines", i), "names no line: line_id or sku is required")
		}
		if l.Quantity < 0 || l.Quantity > QuantityMax {
			bad.Add(path("lines", i)+".quantity", "must be from 0 to %d, got %d", QuantityMax, l.Quantity)
		}
	}
	checkCancel(&bad, c.Reason, c.By)
	return bad.Err()
}

// Request is over the hash.
func (c EditOrder) Request() Request {
	return Request{ID: c.RequestID, Content: domain.DerivedID(c.RequestID, "edit "+c.RequestHash)}
}

// CanEdit says why an order can't be edited; nil when it can. Errors: not_found; not_editable unless it is confirmed
// and nothing of it has left; edit_under_way while the money of another edit is asked for.
func CanEdit(o Order) error {
	switch {
	case o.Status == "":
		return notFound(o)
	case o.Status != StatusConfirmed:
		return domain.Refuse(CodeNotEditable, "order %s is %s: it can be edited once it is confirmed and before anything leaves", o.Number, o.Status)
	case o.Editing != nil:
		return domain.Refuse(CodeEditUnderWay, "the money of another edit of order %s is being asked for", o.Number)
	}
	return nil
}

// Edited reports whether an edit was carried out. Errors: idempotency_key_reused when another request was, under the
// same id; edit_declined when this one was declined.
func (o Order) Edited(c EditOrder) (bool, error) {
	for _, d := range o.DeclinedEdits {
		if d.Request == c.Request() {
			return false, d.refusal(o)
		}
	}
	return o.CarriedOut(c.Request())
}

func (d DeclinedEdit) refusal(o Order) error {
	return domain.Refuse(CodeEditDeclined, "order %s stays as it was: %s", o.Number, domain.Clip(string(d.Code)))
}

// Apply returns what the edit changes at once. Pieces that come to the order join a shipment that is still to leave
// from where they are reserved, or a new one. Pieces that are taken out are cancelled.
//
// Errors: as [CanEdit]; as [CancelPart].
func (e Edit) Apply(o Order, at time.Time) ([]domain.Event, error) {
	o.Editing = nil
	if err := CanEdit(o); err != nil {
		return nil, err
	}
	edited := OrderEdited{
		OrderID: o.ID, RequestID: e.RequestID, RequestContent: e.RequestContent, Items: e.Add, Shipments: e.shipments(o),
		Amount: Total(e.Add, nil), Reason: e.Reason, EditedBy: e.By, EditedAt: at,
	}
	if len(e.Add) == 0 {
		edited.Amount = money.Zero(o.Total.Currency)
	}
	events := []domain.Event{edited}
	if len(e.Remove) == 0 {
		return events, nil
	}
	removed, err := CancelPart(Evolve(o.Clone(), edited), CancelLines{
		RequestID: domain.DerivedID(e.RequestID, "removed"), Lines: e.Remove, Reason: e.Reason, By: e.By, At: at,
	})
	return append(events, removed...), err
}

// Outcome is the order as it would be after the edit, whose goods are allocated. Where they come from makes a
// difference to what it costs: goods that join a shipment keep its share of the shipping lines.
// Errors: as [Edit.Apply].
func (e Edit) Outcome(o Order, at time.Time) (Order, error) {
	events, err := e.Apply(o, at)
	if err != nil {
		return o, err
	}
	o = o.Clone()
	for _, event := range events {
		o = Evolve(o, event)
	}
	return o, nil
}

// Anywhere returns the edit with its goods at no known place, for what is refused whatever the stock is.
func (e Edit) Anywhere() Edit {
	e.Allocations = nil
	for _, l := range Lines(e.Add) {
		e.Allocations = append(e.Allocations, inventory.Allocation{SKU: l.SKU, Location: Awaited, Quantity: l.Quantity})
	}
	return e
}

// shipments are what comes to the order, by where it leaves from.
func (e Edit) shipments(o Order) []Shipment {
	if len(e.Add) == 0 {
		return nil
	}
	added := PlanShipments(Order{ID: o.ID, Total: o.Total, Items: e.Add}, e.Allocations)
	for i := range added {
		s := &added[i]
		planned := slices.IndexFunc(o.Shipments, func(p Shipment) bool { return p.Location == s.Location && p.Status == ShipmentStatusPlanned })
		switch {
		case planned >= 0:
			s.ShipmentID = o.Shipments[planned].ShipmentID
		case o.shipment(s.ShipmentID) != nil: // one that is over
			s.ShipmentID = domain.DerivedID(e.RequestID, "shipment/"+s.Location)
		}
	}
	return added
}

// RequestEdit records an edit that needs more money than is authorised. It is carried out once there is an answer.
// Amount is what is to be authorised. Errors: as [CanEdit].
func RequestEdit(o Order, e Edit, amount money.Money, at time.Time) ([]domain.Event, error) {
	if err := CanEdit(o); err != nil {
		return nil, err
	}
	return []domain.Event{OrderEditRequested{OrderID: o.ID, Edit: e, Amount: amount, RequestedAt: at}}, nil
}

// DeclineEdit records that the edit which is under way changes nothing. It returns no events when none is.
func DeclineEdit(o Order, code domain.ErrorCode, at time.Time) []domain.Event {
	if o.Editing == nil {
		return nil
	}
	return []domain.Event{OrderEditDeclined{
		OrderID: o.ID, RequestID: o.Editing.RequestID, RequestContent: o.Editing.RequestContent, Code: code, DeclinedAt: at,
	}}
}

// evolveEdit returns the order after an event of an edit.
func (o Order) evolveEdit(e domain.Event) Order {
	switch e := e.(type) {
	case OrderEditRequested:
		o.Editing = &e.Edit
		o.Allocations = append(slices.Clone(o.Allocations), e.Edit.Allocations...)
	case OrderEditDeclined:
		o.Editing = nil
		o.DeclinedEdits = append(slices.Clone(o.DeclinedEdits), DeclinedEdit{Request{ID: e.RequestID, Content: e.RequestContent}, e.Code})
	case OrderEdited:
		o = o.Clone().withRequest(Request{ID: e.RequestID, Content: e.RequestContent})
		o.Editing = nil
		o.Items, o.Total = append(o.Items, e.Items...), o.Total.Add(e.Amount)
		for _, added := range cloneShipments(e.Shipments) {
			s := o.shipment(added.ShipmentID)
			if s == nil {
				o.Shipments = append(o.Shipments, added)
				continue
			}
			s.Lines, s.Amount = append(s.Lines, added.Lines...), s.Amount.Add(added.Amount)
		}
	default:
		return o.evolveReturn(e)
	}
	return o
}
