package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

var (
	_ Sagas     = (*sagaclient.Client)(nil)
	_ Warehouse = (*sagaclient.Client)(nil)
	_ Orders    = (*readmodel.Reader)(nil)
	_ Views     = (*readmodel.Reader)(nil)
	_ Changes   = (*readmodel.Changes)(nil)
	_ Vault     = (*privacy.Vault)(nil)
)

// Sagas is what the API asks of sagas. All calls may be repeated. Errors of each: not_found when no saga
// of the order is running; [sagaclient.ErrUnavailable] when Temporal can't be reached.
type Sagas interface {
	Placements
	Amendments
	Details
	Shipments
	Aftersales
}

// Placements begins and ends orders.
type Placements interface {
	// PlaceOrder starts the saga of an order; existed tells that the order was there already. Errors:
	// idempotency_key_reused when it came from a request with another hash.
	PlaceOrder(ctx context.Context, in workflows.OrderInput) (placed workflows.OrderMemo, existed bool, err error)
	// CancelOrder returns the order's state after everything is undone. Errors: not_cancellable;
	// context.DeadlineExceeded when the saga has the request and undoing outlasts ctx.
	CancelOrder(ctx context.Context, orderID uuid.UUID, r workflows.CancelRequest) (workflows.OrderState, error)
	// OrderMemo returns what the saga's execution was started with. Errors: not_found.
	OrderMemo(ctx context.Context, orderID uuid.UUID) (workflows.OrderMemo, error)
	// OrderRefused waits until the saga ends or ctx does, and returns the refusal with which it has failed, if any.
	OrderRefused(ctx context.Context, orderID uuid.UUID) error
}

// Amendments changes orders, and what is told of their shipments, on their way. Each answers with the order's state
// after the change; Replayed tells that it had been made before. Errors: refusals of the domain;
// context.DeadlineExceeded as with CancelOrder.
type Amendments interface {
	CancelLines(ctx context.Context, orderID uuid.UUID, r workflows.CancelLinesRequest) (workflows.OrderState, error)
	EditOrder(ctx context.Context, orderID uuid.UUID, r workflows.EditRequest) (workflows.OrderState, error)
	AmendAddress(ctx context.Context, orderID uuid.UUID, r workflows.AmendRequest) (workflows.OrderState, error)
	// ProvidePayment gives another means of payment. The state's payment tells where that stands.
	ProvidePayment(ctx context.Context, orderID uuid.UUID, r workflows.PaymentRequest) (workflows.OrderState, error)
	CorrectTracking(ctx context.Context, orderID uuid.UUID, r workflows.TrackingRequest) (workflows.OrderState, error)
	ReviewOrder(ctx context.Context, orderID uuid.UUID, approve bool, r workflows.ReviewRequest) (workflows.OrderState, error)
}

// Details tells of orders what changes nothing about them, in whatever state they are. Errors: not_found; refusals of
// the domain; [sagaclient.Reused] when the id belongs to another request.
type Details interface {
	AddNote(ctx context.Context, in workflows.NoteInput) (workflows.Recorded, error)
	ChangeDetails(ctx context.Context, in workflows.DetailsInput) (workflows.Recorded, error)
}

// Shipments reports to a running saga what became of its shipments.
type Shipments interface {
	// ReportShipment returns the order's state once the report is carried out. Errors: already_reported and
	// refusals of the domain; context.DeadlineExceeded when the saga has the report and carrying it out outlasts ctx.
	ReportShipment(ctx context.Context, orderID uuid.UUID, n workflows.ShipmentUpdate) (workflows.OrderState, error)
	// SignalShipmentReport leaves a report for the saga to carry out when it can.
	SignalShipmentReport(ctx context.Context, orderID uuid.UUID, n workflows.ShipmentUpdate) error
}

// Aftersales gives money back. Errors: refusals of the domain; [sagaclient.Reused] when the id belongs to another
// return or refund.
type Aftersales interface {
	ChangeReturn(ctx context.Context, in workflows.ReturnInput) (workflows.ReturnResult, error)
	// RefundPayment answers a refund that the gateway refuses with status failed.
	RefundPayment(ctx context.Context, in workflows.RefundInput) (workflows.RefundResult, error)
	// Attend carries out what a person has decided on what waits for one; again tells that it was before.
	Attend(ctx context.Context, in workflows.AttentionInput) (out workflows.AttentionResult, again bool, err error)
	// Attended returns how something was settled outside before. Error: not_found.
	Attended(ctx context.Context, attentionID uuid.UUID) (workflows.AttentionInput, error)
}

// Warehouse records what happens to stock outside of orders, and where it may lie. All calls may be repeated under the
// same id. Errors: a domain refusal, such as insufficient_stock; [sagaclient.Reused] when the id belongs to another
// receipt, adjustment or change; [sagaclient.ErrUnavailable].
type Warehouse interface {
	ReceiveStock(ctx context.Context, r workflows.StockReceipt) (workflows.Recorded, error)
	AdjustStock(ctx context.Context, a workflows.StockAdjustment) (workflows.Recorded, error)
	// ChangeLocation adds or changes a location.
	ChangeLocation(ctx context.Context, r workflows.LocationChange) (workflows.LocationChanged, error)
}

// Orders reads orders. Errors: not_found.
type Orders interface {
	// Order is the newest view there is, folded from the events when no view is there yet.
	Order(ctx context.Context, id uuid.UUID) (readmodel.Shown, error)
	// OrderAt waits, bounded, until the view has reached minVersion. Errors: not_visible_yet.
	OrderAt(ctx context.Context, id uuid.UUID, minVersion int64) (readmodel.Shown, error)
	// Settled waits until nothing more happens to a placed order by itself, or ctx ends, and folds it from its events.
	// Fresh says that it has just been placed. Errors: not_found when nothing is recorded of it yet.
	Settled(ctx context.Context, id uuid.UUID, fresh bool) (readmodel.Shown, error)
	Orders(ctx context.Context, q readmodel.OrderQuery) (readmodel.OrderPage, error)
	// Timeline returns what happened to an order, oldest first. Errors: not_found while nothing has.
	Timeline(ctx context.Context, orderID uuid.UUID) ([]readmodel.TimelineEntry, error)
}

// Lists reads lists of what orders and the stock consist of, and what a customer's orders come to. Errors: invalid for
// a cursor of another list.
type Lists interface {
	Parts(ctx context.Context, q readmodel.PartQuery) (readmodel.PartPage, error)
	StockLevels(ctx context.Context, q readmodel.StockQuery) (readmodel.StockPage, error)
	// CustomerTotals returns what a customer has ordered, by currency. Errors: not_found for one without orders.
	CustomerTotals(ctx context.Context, id string) ([]readmodel.CustomerTotals, error)
}

// References keeps the external references of a caller's orders apart.
type References interface {
	// ClaimReference claims a reference for an order, and returns which order has it. It may be repeated.
	ClaimReference(ctx context.Context, caller, reference string, orderID uuid.UUID) (readmodel.ReferenceClaim, error)
	// TakeReference gives a reference to another order than the one that has claimed it, which does not exist.
	TakeReference(ctx context.Context, caller, reference string, from, to uuid.UUID) (taken bool, err error)
}

// Invoices reads invoices and credit notes.
type Invoices interface {
	// Invoice returns the one with this number. Errors: not_found.
	Invoice(ctx context.Context, number string) (readmodel.Invoice, error)
	// InvoicesOf returns all of an order, the oldest first.
	InvoicesOf(ctx context.Context, orderID uuid.UUID) ([]readmodel.Invoice, error)
	// Invoices returns a page. Errors: invalid for a cursor of another list.
	Invoices(ctx context.Context, q readmodel.InvoiceQuery) (readmodel.InvoicePage, error)
}

// Views reads what is kept beside orders.
type Views interface {
	Lists
	Invoices
	References
	// Customer returns a customer's summary. Errors: not_found for one without orders.
	Customer(ctx context.Context, id string) (readmodel.CustomerSummary, error)
	// Stock returns the level of each SKU at each location; none for one that was never received.
	Stock(ctx context.Context, skus ...string) ([]readmodel.StockLevel, error)
	// Attention returns a page of what waits for a person, what has waited longest first. Errors: invalid for a cursor
	// of another list.
	Attention(ctx context.Context, q readmodel.AttentionQuery) (readmodel.AttentionPage, error)
	// Projections tells how far each projection is behind the events.
	Projections(ctx context.Context) ([]readmodel.ProjectionStatus, error)
}

// Changes follows what changes in the views of orders.
type Changes interface {
	// Follow calls handle with every change after a position, in order, until ctx ends or handle fails.
	// An empty position begins with what changes from now on. Errors: invalid for a position that is none;
	// too_old for one that is not kept any more.
	Follow(ctx context.Context, after string, handle func(readmodel.Change) error) error
}

// Vault seals and opens personal data under the key of the person it belongs to.
type Vault interface {
	Seal(ctx context.Context, subject string, v any) (domain.Sealed, error)
	// Open decodes what was sealed into v. Errors: [privacy.ErrErased] once the key is destroyed.
	Open(ctx context.Context, s domain.Sealed, v any) error
}

// History tells from the events themselves, without any view between, where an order stands.
type History interface {
	// Order folds the order's stream. Errors: not_found.
	Order(ctx context.Context, id uuid.UUID) (order.Order, error)
	// Payment folds the stream of an order's payment: the zero value when there are no events.
	Payment(ctx context.Context, orderID uuid.UUID) (payment.Payment, error)
	// Network folds the locations, and which SKUs orders wait for.
	Network(ctx context.Context) (location.Network, error)
}
