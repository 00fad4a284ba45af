package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/workflows"
)

// errAway is the error of a server that can't be connected to.
var errAway = &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 5432}, Err: syscall.ECONNREFUSED}

// fakePlatform is everything behind the API, small enough to see through. A call that it should not
// get shows in its counts; an error that is set is answered instead.
type fakePlatform struct {
	mu sync.Mutex

	started   map[uuid.UUID]workflows.OrderInput // by Temporal, and not forgotten
	cancelled []workflows.CancelRequest
	requests  []any
	reported  []workflows.ShipmentUpdate // carried out by the saga
	left      []workflows.ShipmentUpdate // for the saga to carry out
	received  []workflows.StockReceipt
	adjusted  []workflows.StockAdjustment
	relocated []workflows.LocationChange
	net       location.Network
	netErr    error
	erased    map[string]bool
	sealed    int

	views       map[uuid.UUID]readmodel.OrderView
	folds       map[uuid.UUID]order.Order
	pay         payment.Payment
	page        readmodel.OrderPage
	query       readmodel.OrderQuery
	timeline    []readmodel.TimelineEntry
	customers   map[string]readmodel.CustomerSummary
	stock       map[string][]readmodel.StockLevel
	projections []readmodel.ProjectionStatus

	placeErr, cancelErr, memoErr, stockErr     error
	reportErr, leaveErr                        error
	viewErr, historyErr, vaultErr, timelineErr error
	// refusal ends a saga that waits to place its order. memoFailed says that a saga has failed.
	refusal                  error
	memoFailed               bool
	customerErr              error
	cancelState              workflows.OrderState
	replayed                 bool // what the sagas of receipts, adjustments, returns and refunds say
	changed                  []readmodel.Change
	wake                     chan struct{}
	following                chan struct{} // gets one for each who follows
	changesErr               error
	cancelWaits, reportWaits bool
	waited                   []bool // whether each order that was waited for was fresh
	settleErr                error
	settles                  func(workflows.OrderInput) readmodel.OrderView // what becomes of a placed order
	attentionQuery           readmodel.AttentionQuery
	waiting                  readmodel.AttentionPage
	attentionCause           string               // empty for settled
	refundStatus             payment.RefundStatus // empty for paid
	noted                    []workflows.NoteInput
	detailed                 []workflows.DetailsInput
	detailsErr               error
	partQuery                readmodel.PartQuery
	partPage                 readmodel.PartPage
	invoices                 []readmodel.Invoice
	invoiceQuery             readmodel.InvoiceQuery
	stockQuery               readmodel.StockQuery
	stockPage                readmodel.StockPage
	totals                   []readmodel.CustomerTotals
	claims                   map[string]readmodel.ReferenceClaim
	claimErr                 error
}

func newFakePlatform() *fakePlatform {
	return &fakePlatform{
		started: map[uuid.UUID]workflows.OrderInput{}, erased: map[string]bool{}, views: map[uuid.UUID]readmodel.OrderView{},
		folds: map[uuid.UUID]order.Order{}, customers: map[string]readmodel.CustomerSummary{}, stock: map[string][]readmodel.StockLevel{},
		claims: map[string]readmodel.ReferenceClaim{},
		wake:   make(chan struct{}), following: make(chan struct{}, 100),
	}
}

// untouched reports whether nothing was started and nothing stored.
func (f *fakePlatform) untouched() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.started)+len(f.requests)+len(f.cancelled)+len(f.reported)+len(f.left)+len(f.received)+len(f.adjusted)+len(f.relocated)+f.sealed == 0
}

var acceptedAt = time.Date(2026, 11, 23, 6, 30, 0, 0, time.UTC)

func (f *fakePlatform) PlaceOrder(_ context.Context, in workflows.OrderInput) (workflows.OrderMemo, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.placeErr != nil {
		return workflows.OrderMemo{}, false, f.placeErr
	}
	before, existed := f.started[in.OrderID]
	if existed && before.RequestHash != in.RequestHash {
		return workflows.OrderMemo{}, false, domain.Refuse(codeKeyReused, "another request")
	}
	if !existed {
		f.started[in.OrderID] = in
	}
	return memoOf(in), existed, nil
}

func memoOf(in workflows.OrderInput) workflows.OrderMemo {
	total := in.Total()
	return workflows.OrderMemo{
		OrderNumber: order.Number(in.OrderID), CustomerID: in.CustomerID, RequestHash: in.RequestHash, Total: total.Text(),
		Currency: total.Currency, AcceptedAt: acceptedAt, Account: in.UserID, Channel: in.Channel,
	}
}

func (f *fakePlatform) CancelOrder(ctx context.Context, _ uuid.UUID, r workflows.CancelRequest) (workflows.OrderState, error) {
	if f.cancelWaits {
		<-ctx.Done()
		return workflows.OrderState{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancelErr == nil {
		f.cancelled = append(f.cancelled, r)
	}
	return f.cancelState, f.cancelErr
}

// ReportShipment carries out a report on the view, as the saga does on its state.
func (f *fakePlatform) ReportShipment(ctx context.Context, id uuid.UUID, n workflows.ShipmentUpdate) (workflows.OrderState, error) {
	if f.reportWaits {
		<-ctx.Done()
		return workflows.OrderState{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reportErr != nil {
		return workflows.OrderState{}, f.reportErr
	}
	f.reported = append(f.reported, n)
	v := f.views[id]
	shipments := slices.Clone(v.Shipments)
	for i := range shipments {
		shipments[i].Status = map[string]order.ShipmentStatus{
			workflows.ShipmentDispatched: order.ShipmentStatusDispatched, workflows.ShipmentDelivered: order.ShipmentStatusDelivered,
			workflows.ShipmentLost: order.ShipmentStatusLost, workflows.ShipmentRefused: order.ShipmentStatusRefused,
		}[n.Name]
	}
	return workflows.OrderState{OrderID: id, OrderNumber: v.OrderNumber, Shipments: shipments}, nil
}

func (f *fakePlatform) SignalShipmentReport(_ context.Context, _ uuid.UUID, n workflows.ShipmentUpdate) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaveErr == nil {
		f.left = append(f.left, n)
	}
	return f.leaveErr
}

func (f *fakePlatform) CancelLines(_ context.Context, _ uuid.UUID, r workflows.CancelLinesRequest) (workflows.OrderState, error) {
	return f.asked(r)
}

func (f *fakePlatform) EditOrder(_ context.Context, _ uuid.UUID, r workflows.EditRequest) (workflows.OrderState, error) {
	return f.asked(r)
}

func (f *fakePlatform) AmendAddress(_ context.Context, _ uuid.UUID, r workflows.AmendRequest) (workflows.OrderState, error) {
	return f.asked(r)
}

func (f *fakePlatform) ProvidePayment(_ context.Context, _ uuid.UUID, r workflows.PaymentRequest) (workflows.OrderState, error) {
	return f.asked(r)
}

func (f *fakePlatform) CorrectTracking(_ context.Context, _ uuid.UUID, r workflows.TrackingRequest) (workflows.OrderState, error) {
	return f.asked(r)
}

func (f *fakePlatform) ReviewOrder(_ context.Context, _ uuid.UUID, approve bool, r workflows.ReviewRequest) (workflows.OrderState, error) {
	return f.asked(fmt.Sprintf("%t by %s", approve, r.By))
}

func (f *fakePlatform) ChangeReturn(_ context.Context, in workflows.ReturnInput) (workflows.ReturnResult, error) {
	_, err := f.asked(in)
	refund := f.refund(in.ReturnID, money.Must("19.90", "EUR"), "return")
	out := workflows.ReturnResult{
		Amount: refund.Amount, Refund: &refund, Replayed: f.replayed,
		Return: account.Returned{ReturnRecord: order.ReturnRecord{ReturnID: in.ReturnID}, Status: order.ReturnStatusReceived, Amount: &refund.Amount},
	}
	switch in.Action {
	case workflows.ReturnAtOnce, workflows.ReturnReceive:
	default:
		out.Refund, out.Return.Amount, out.Return.Status = nil, nil, order.ReturnStatusApproved
	}
	return out, err
}

func (f *fakePlatform) RefundPayment(_ context.Context, in workflows.RefundInput) (workflows.RefundResult, error) {
	_, err := f.asked(in)
	return workflows.RefundResult{Refund: f.refund(in.RefundID, in.Amount, in.Reason), Replayed: f.replayed}, err
}

func (f *fakePlatform) Attend(_ context.Context, in workflows.AttentionInput) (workflows.AttentionResult, bool, error) {
	_, err := f.asked(in)
	return workflows.AttentionResult{Settled: f.attentionCause == "", Cause: f.attentionCause}, f.replayed, err
}

func (f *fakePlatform) Attended(_ context.Context, attentionID uuid.UUID) (workflows.AttentionInput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if in, ok := r.(workflows.AttentionInput); ok && in.AttentionID == attentionID && in.Resolution != nil {
			return in, nil
		}
	}
	return workflows.AttentionInput{}, domain.Refuse(codeNotFound, "nobody has settled it")
}

// refund is where a refund stands, paid unless the test says otherwise.
func (f *fakePlatform) refund(id uuid.UUID, amount money.Money, reason string) payment.RefundSummary {
	r := payment.RefundSummary{RefundID: id, Amount: amount, Reason: reason, Status: payment.RefundStatusPaid, Attempts: 1, CreatedAt: acceptedAt}
	if f.refundStatus != "" {
		r.Status = f.refundStatus
	}
	switch r.Status {
	case payment.RefundStatusPaid:
		r.RefundedAt = acceptedAt
	case payment.RefundStatusFailed:
		r.Cause = "the card is closed"
	}
	return r
}

// asked keeps what was asked of a saga.
func (f *fakePlatform) asked(request any) (workflows.OrderState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancelErr == nil {
		f.requests = append(f.requests, request)
	}
	return f.cancelState, f.cancelErr
}

func (f *fakePlatform) OrderMemo(_ context.Context, id uuid.UUID) (workflows.OrderMemo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.memoErr != nil {
		return workflows.OrderMemo{}, f.memoErr
	}
	in, ok := f.started[id]
	if !ok {
		return workflows.OrderMemo{}, domain.Refuse(codeNotFound, "no saga")
	}
	memo := memoOf(in)
	memo.Failed = f.memoFailed
	return memo, nil
}

func (f *fakePlatform) OrderRefused(ctx context.Context, _ uuid.UUID) error {
	if f.refusal == nil {
		<-ctx.Done()
	}
	return f.refusal
}

func (f *fakePlatform) AddNote(_ context.Context, in workflows.NoteInput) (workflows.Recorded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noted = append(f.noted, in)
	return workflows.Recorded{Replayed: f.replayed}, f.detailsErr
}

func (f *fakePlatform) ChangeDetails(_ context.Context, in workflows.DetailsInput) (workflows.Recorded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.detailed = append(f.detailed, in)
	return workflows.Recorded{Replayed: f.replayed}, f.detailsErr
}

func (f *fakePlatform) Invoice(_ context.Context, number string) (readmodel.Invoice, error) {
	for _, i := range f.invoices {
		if i.Number == number {
			return i, f.viewErr
		}
	}
	if f.viewErr != nil {
		return readmodel.Invoice{}, f.viewErr
	}
	return readmodel.Invoice{}, domain.Refuse(codeNotFound, "no such invoice")
}

func (f *fakePlatform) InvoicesOf(context.Context, uuid.UUID) ([]readmodel.Invoice, error) {
	return f.invoices, f.viewErr
}

func (f *fakePlatform) Invoices(_ context.Context, q readmodel.InvoiceQuery) (readmodel.InvoicePage, error) {
	f.invoiceQuery = q
	if q.Cursor == "more" { // there are two pages
		return readmodel.InvoicePage{}, f.viewErr
	}
	return readmodel.InvoicePage{Invoices: f.invoices, NextCursor: "more"}, f.viewErr
}

func (f *fakePlatform) Parts(_ context.Context, q readmodel.PartQuery) (readmodel.PartPage, error) {
	f.partQuery = q
	return f.partPage, f.viewErr
}

func (f *fakePlatform) StockLevels(_ context.Context, q readmodel.StockQuery) (readmodel.StockPage, error) {
	f.stockQuery = q
	return f.stockPage, f.viewErr
}

func (f *fakePlatform) CustomerTotals(context.Context, string) ([]readmodel.CustomerTotals, error) {
	if f.totals == nil && f.customerErr == nil {
		return nil, domain.Refuse(codeNotFound, "no customer")
	}
	return f.totals, f.customerErr
}

func (f *fakePlatform) ClaimReference(_ context.Context, caller, reference string, id uuid.UUID) (readmodel.ReferenceClaim, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	claim, there := f.claims[caller+"/"+reference]
	if !there {
		claim = readmodel.ReferenceClaim{OrderID: id, ClaimedAt: time.Now()}
		f.claims[caller+"/"+reference] = claim
	}
	return claim, f.claimErr
}

func (f *fakePlatform) TakeReference(_ context.Context, caller, reference string, from, to uuid.UUID) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.claims[caller+"/"+reference].OrderID == from
	if taken {
		f.claims[caller+"/"+reference] = readmodel.ReferenceClaim{OrderID: to, ClaimedAt: time.Now()}
	}
	return taken, f.claimErr
}

func (f *fakePlatform) ReceiveStock(_ context.Context, r workflows.StockReceipt) (workflows.Recorded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stockErr == nil {
		f.received = append(f.received, r)
	}
	return workflows.Recorded{Replayed: f.replayed}, f.stockErr
}

func (f *fakePlatform) AdjustStock(_ context.Context, r workflows.StockAdjustment) (workflows.Recorded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stockErr == nil {
		f.adjusted = append(f.adjusted, r)
	}
	return workflows.Recorded{Replayed: f.replayed}, f.stockErr
}

// ChangeLocation keeps the locations as the network's events would.
func (f *fakePlatform) ChangeLocation(_ context.Context, r workflows.LocationChange) (out workflows.LocationChanged, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stockErr != nil {
		return out, f.stockErr
	}
	f.relocated = append(f.relocated, r)
	id := r.ID
	events, err := location.Alter(f.net, location.ChangeLocation{RequestID: r.RequestID, ID: r.ID, Change: r.Change})
	if r.Add != nil {
		id = r.Add.ID
		events, err = location.Add(f.net, location.AddLocation{RequestID: r.RequestID, Location: *r.Add})
	}
	for _, e := range events {
		f.net = location.Evolve(f.net, e)
	}
	out.Replayed = err == nil && len(events) == 0
	out.Location, _ = f.net.Location(id)
	return out, err
}

func (f *fakePlatform) Order(_ context.Context, id uuid.UUID) (readmodel.Shown, error) {
	if f.viewErr != nil {
		return readmodel.Shown{}, f.viewErr
	}
	v, ok := f.views[id]
	if !ok {
		return readmodel.Shown{}, domain.Refuse(codeNotFound, "no view")
	}
	return v.Shown(), nil
}

func (f *fakePlatform) OrderAt(ctx context.Context, id uuid.UUID, minVersion int64) (readmodel.Shown, error) {
	s, err := f.Order(ctx, id)
	if err == nil && s.Version < minVersion {
		return readmodel.Shown{}, domain.Refuse(readmodel.CodeVersionUnknown, "order %s is at version %d, asked for %d", id, s.Version, minVersion)
	}
	return s, err
}

// Settled waits until ctx ends for an order that does not settle.
func (f *fakePlatform) Settled(ctx context.Context, id uuid.UUID, fresh bool) (readmodel.Shown, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waited = append(f.waited, fresh)
	if f.settleErr != nil {
		return readmodel.Shown{}, f.settleErr
	}
	v := f.settles(f.started[id])
	if !v.IsSettled() {
		<-ctx.Done()
	}
	return v.Shown(), nil
}

func (f *fakePlatform) Orders(_ context.Context, q readmodel.OrderQuery) (readmodel.OrderPage, error) {
	f.query = q
	return f.page, f.viewErr
}

func (f *fakePlatform) Timeline(context.Context, uuid.UUID) ([]readmodel.TimelineEntry, error) {
	if f.timelineErr == nil && len(f.timeline) == 0 {
		return nil, domain.Refuse(codeNotFound, "nothing has happened")
	}
	return f.timeline, f.timelineErr
}

func (f *fakePlatform) Customer(_ context.Context, id string) (readmodel.CustomerSummary, error) {
	if f.customerErr != nil {
		return readmodel.CustomerSummary{}, f.customerErr
	}
	c, ok := f.customers[id]
	if !ok {
		return c, domain.Refuse(codeNotFound, "no customer")
	}
	return c, nil
}

func (f *fakePlatform) Stock(_ context.Context, skus ...string) (levels []readmodel.StockLevel, err error) {
	for _, sku := range skus {
		levels = append(levels, f.stock[sku]...)
	}
	return levels, f.viewErr
}

func (f *fakePlatform) Attention(_ context.Context, q readmodel.AttentionQuery) (readmodel.AttentionPage, error) {
	f.attentionQuery = q
	return f.waiting, f.viewErr
}

func (f *fakePlatform) Projections(context.Context) ([]readmodel.ProjectionStatus, error) {
	return f.projections, f.viewErr
}

// Follow has positions that are numbers.
func (f *fakePlatform) Follow(ctx context.Context, after string, handle func(readmodel.Change) error) error {
	f.mu.Lock()
	n, err := len(f.changed), f.changesErr
	f.mu.Unlock()
	if after != "" && err == nil {
		if n, err = strconv.Atoi(after); err != nil {
			err = domain.Invalid("last_event_id", "is none")
		}
	}
	if err != nil {
		return err
	}
	f.following <- struct{}{}
	for {
		f.mu.Lock()
		changes, wake := slices.Clone(f.changed[n:]), f.wake
		f.mu.Unlock()
		for _, c := range changes {
			n++
			c.Position = strconv.Itoa(n)
			if err := handle(c); err != nil {
				return err
			}
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fakePlatform) change(changes ...readmodel.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = append(f.changed, changes...)
	close(f.wake)
	f.wake = make(chan struct{})
}

// Seal hides nothing; it keeps what it was given, so that tests can look.
func (f *fakePlatform) Seal(_ context.Context, subject string, v any) (domain.Sealed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.vaultErr != nil {
		return domain.Sealed{}, f.vaultErr
	}
	f.sealed++
	data, err := json.Marshal(v)
	slices.Reverse(data)
	return domain.Sealed{Key: subject + ":1", Data: data}, err
}

func (f *fakePlatform) Open(_ context.Context, s domain.Sealed, v any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	subject, _, _ := strings.Cut(s.Key, ":")
	switch {
	case f.vaultErr != nil:
		return f.vaultErr
	case f.erased[subject]:
		return privacy.ErrErased
	}
	data := slices.Clone(s.Data)
	slices.Reverse(data)
	return json.Unmarshal(data, v)
}

// fakeHistory is the platform's events; a type of its own because [Orders] has an Order as well.
type fakeHistory struct{ *fakePlatform }

func (f fakeHistory) Payment(context.Context, uuid.UUID) (payment.Payment, error) { return f.pay, nil }

func (f fakeHistory) Network(context.Context) (location.Network, error) { return f.net, f.netErr }

func (f fakeHistory) Order(_ context.Context, id uuid.UUID) (order.Order, error) {
	if f.historyErr != nil {
		return order.Order{}, f.historyErr
	}
	o, ok := f.folds[id]
	if !ok {
		return o, domain.Refuse(codeNotFound, "no events")
	}
	return o, nil
}
