package activities

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"go.opentelemetry.io/otel/propagation"
	"go.temporal.io/sdk/activity"
)

// Activities holds what the steps need. Its methods are registered with the worker.
type Activities struct {
	// trying is true for a platform for trying.
	trying    bool
	events    *eventstore.Repository
	log       PaymentLog
	gateway   payments.Gateway
	can       payments.Capabilities
	vault     Vault
	seed      []inventory.Location
	review    Reviewer
	allocator inventory.Allocator
	// seen are the ids of the network's locations, as this process saw them last.
	seen atomic.Pointer[[]string]
}

// Vault turns a personal section that was sealed without the customer's key into one under it.
type Vault interface {
	// Reseal returns s unchanged when it is under the subject's key already. May be repeated. Error:
	// [domain.ErrUnreadable] when nobody can open it, now or later.
	Reseal(ctx context.Context, subject string, s domain.Sealed) (domain.Sealed, error)
	// Seal encrypts the JSON of a value under the subject's key. May be repeated; each call gives another text.
	Seal(ctx context.Context, subject string, value any) (domain.Sealed, error)
	// Open decrypts what was sealed into value. Error: [domain.ErrErased] when the subject's key was destroyed.
	Open(ctx context.Context, s domain.Sealed, value any) error
}

// Options are what the activities work with. All but Review, Allocator and Log are required: without Log, only what has
// changed at the gateway is reconciled.
type Options struct {
	Events *eventstore.Repository
	// Log is the store of Events, for the reconciliation.
	Log     PaymentLog
	Gateway payments.Gateway
	// Capabilities are what the gateway can do; the zero value moves every amount.
	Capabilities payments.Capabilities
	Vault        Vault
	// Locations are those that a network begins with which has none: see [Activities.SeedLocations].
	Locations []inventory.Location
	// Trying is true for a platform for trying, whose orders' clocks can be advanced.
	Trying bool
	// Review says which orders are held for a person; nil holds none.
	Review Reviewer
	// Allocator chooses where goods come from; nil is [inventory.NearestFirst].
	Allocator inventory.Allocator
}

// New returns the activities.
func New(o Options) *Activities {
	if o.Review == nil {
		o.Review = ReviewRules{}
	}
	if o.Allocator == nil {
		o.Allocator = inventory.NearestFirst{}
	}
	return &Activities{
		trying: o.Trying, events: o.Events, log: o.Log, gateway: o.Gateway, can: o.Capabilities, vault: o.Vault, seed: o.Locations,
		review: o.Review, allocator: o.Allocator,
	}
}

// limits are the amounts that the gateway moves in a currency.
func (a *Activities) limits(currency string) money.Limits {
	l, _ := a.can.Limits(currency)
	return l
}

// The aggregates, as the event store folds them.
var (
	orderAggregate   = eventstore.Aggregate[order.Order]{Type: domain.AggregateOrder, Evolve: order.Evolve, Clone: order.Order.Clone}
	paymentAggregate = eventstore.Aggregate[payment.Payment]{Type: domain.AggregatePayment, Evolve: payment.Evolve, Clone: payment.Payment.Clone}
	stockAggregate   = eventstore.Aggregate[inventory.Stock]{Type: domain.AggregateInventory, Evolve: inventory.Evolve}
	networkAggregate = eventstore.Aggregate[location.Network]{Type: domain.AggregateNetwork, Evolve: location.Evolve, Clone: location.Network.Clone}
)

// Snapshotted are the aggregates whose streams grow long enough for snapshots to be worth their while.
func Snapshotted() []eventstore.Snapshottable {
	return []eventstore.Snapshottable{stockAggregate, networkAggregate}
}

// stamp says where the events of one step come from. Step is unique within the workflow, so that the
// events' ids are, and the same at every attempt.
func stamp(ctx context.Context, step string, orderID uuid.UUID, at time.Time) eventstore.Stamp {
	source := activity.GetInfo(ctx).WorkflowExecution.ID + "/" + step
	s := eventstore.Stamp{Source: source, At: at, Metadata: domain.Metadata{
		CausationID: source, UserID: string(actor.From(ctx)), TraceParent: traceParent(ctx),
	}}
	if orderID != uuid.Nil {
		s.Metadata.CorrelationID = orderID.String()
	}
	return s
}

func traceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}
