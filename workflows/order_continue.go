package workflows

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"go.temporal.io/sdk/workflow"
)

// Carried is what the next run of an order's saga takes over when the execution continues as new. All else is in the
// order's events.
type Carried struct {
	// Requests are those that were not carried out, in the order in which they came.
	Requests    []Request `json:"requests,omitempty"`
	LastRefusal string    `json:"last_refusal,omitempty"`
	// Mark is the value of the search attribute [AttributeOrderStatus].
	Mark string `json:"mark"`
	// Attention is that of [AttributeOrderAttention].
	Attention []string `json:"attention,omitempty"`
	// PaymentAskedAt is when the payment that is not secured yet was asked for.
	PaymentAskedAt time.Time `json:"payment_asked_at,omitzero"`
	// Resets counts the runs one after the other that were reset to their first task.
	Resets int `json:"resets,omitempty"`
}

// requestsMax is how many updates and signals one run takes in. The server refuses the 2,001st update of a run, and
// suggests to continue as new at 1,800. It is a variable for the tests alone.
var requestsMax = 1000

// mustContinue reports whether the execution has to continue as new. That is so when its history grows long or it has
// taken in many requests. It is so after a reset too: its memory is then older than the events.
func (s *orderSaga) mustContinue(ctx workflow.Context) bool {
	return s.resets.happened() || s.queue.taken >= requestsMax || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// continueAsNew ends this run; the next one goes on from the events.
//
// Every update is answered before. One that was not carried out travels along, and its sender is told to ask again: see
// [CodeContinued]. Signals travel along too.
//
// Local steps are awaited. A durable step is left to the next run, which repeats it. So is a child that waits: the
// server terminates it with this run, and the next run starts another one.
func (s *orderSaga) continueAsNew(ctx workflow.Context) error {
	s.closing = true
	for _, r := range s.queue.waiting {
		r.moved = true
	}
	err := workflow.Await(ctx, func() bool {
		return s.localSteps == 0 && workflow.AllHandlersFinished(ctx) && len(workflow.GetUnhandledSignalNames(ctx)) == 0
	})
	if err != nil {
		return err
	}
	if s.cancelledByOperator() {
		s.cancelByOperator(ctx) // the next run's execution is not cancelled
	}
	next := OrderInput{OrderID: s.in.OrderID, Resume: true}
	if !s.known {
		next = s.placing // the order may not be placed yet, and nothing but the input knows it
		ctx = withActor(ctx, s.askedBy)
	}
	next.Carried = &Carried{
		Requests: s.queue.requests(), LastRefusal: s.lastRefusal, Mark: s.mark, Attention: s.attention, PaymentAskedAt: s.paymentAskedAt, Resets: s.resets.inARow,
	}
	return workflow.NewContinueAsNewError(ctx, OrderSaga, next)
}

// takeOver goes on with what the run before has left.
func (s *orderSaga) takeOver(ctx workflow.Context, carried *Carried) {
	if carried == nil {
		return
	}
	s.attention = carried.Attention
	s.lastRefusal, s.mark, s.paymentAskedAt = carried.LastRefusal, cmp.Or(carried.Mark, s.mark), carried.PaymentAskedAt
	for _, r := range carried.Requests {
		for _, kind := range s.kinds {
			if kind.name == r.Name {
				s.takeIn(&queued{Request: r, kind: kind, since: workflow.Now(ctx)})
			}
		}
	}
	s.queue.taken = 0
}

// resetWatch finds out that the execution was reset, at the same moment in each replay.
//
// The SDK draws the workflow's random numbers from a seed that follows from the run's id. From the moment on to which
// the execution was reset it takes the new run's id. So the numbers of the original run come until then, and others
// afterwards. The run's own id is no help: it is the new one during the whole replay.
type resetWatch struct {
	drawn    workflow.WorkflowRandomStream
	original *rand.ChaCha8
	// inARow counts the runs that were reset to their first task. seen is true once it was reset.
	inARow int
	seen   bool
}

// resetStream is the name of the random numbers, and resetSeed begins what the SDK makes their seed of.
const (
	resetStream = "orderloom.reset"
	resetSeed   = "temporal.sdk.random.v1"
	// resetsInARowMax bounds how often a run gives up at its start. If an SDK made its seed in another way, each run
	// would look as if it was reset.
	resetsInARowMax = 3
)

func watchResets(ctx workflow.Context, carried *Carried) *resetWatch {
	info := workflow.GetInfo(ctx)
	original := cmp.Or(info.OriginalRunID, info.WorkflowExecution.RunID) // the SDK's test environment knows the second alone
	w := &resetWatch{
		drawn:    workflow.GetRandomStream(ctx, resetStream),
		original: rand.NewChaCha8(sha256.Sum256([]byte(resetSeed + "\x00" + original + "\x00" + resetStream))),
	}
	if !w.happened() {
		return w
	}
	if carried != nil {
		w.inARow = carried.Resets
	}
	if w.inARow++; w.inARow > resetsInARowMax {
		workflow.GetLogger(ctx).Error("Resets can't be told: the SDK makes its random numbers in another way.")
		return &resetWatch{}
	}
	return w
}

// happened reports whether the execution was reset.
func (w *resetWatch) happened() bool {
	if w.seen || w.drawn == nil {
		return w.seen
	}
	var number [8]byte
	_, _ = w.original.Read(number[:]) // it never fails
	w.seen = w.drawn.Uint64() != binary.LittleEndian.Uint64(number[:])
	return w.seen
}
