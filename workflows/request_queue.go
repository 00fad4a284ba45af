package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/domain/precondition"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Request is something that an order's saga was asked or told and has not carried out yet. It is plain data: the next
// run takes it over when the execution continues as new.
type Request struct {
	// ID is the id of the update that it came with, empty for a signal.
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Body is the JSON that it came with.
	Body json.RawMessage `json:"body"`
	// Actor is who has asked; empty for the platform itself.
	Actor actor.Actor `json:"actor,omitempty"`
	// If is the precondition of the request; empty for none.
	If precondition.Precondition `json:"if,omitempty"`
}

// Limits of requests.
const (
	// answerWithin is how long a request waits for its answer before it is told that it is under way.
	answerWithin = 5 * time.Second
	// lateAfter is the age from which a request is told so when yet another step begins: a step may take localBudget.
	lateAfter = answerWithin - localBudget
	// bodyBytesMax is how long one request may be, and queueBytesMax all that wait: they have to fit into the input of
	// the next run.
	bodyBytesMax  = 64 << 10
	queueBytesMax = 512 << 10
)

// CodeTooManyRequests refuses a request of an order that has too many of them before it.
const CodeTooManyRequests domain.ErrorCode = "too_many_requests"

// CodeContinued is the answer to a request that the next run carries out, because this one is about to end. Whoever
// asks again under the same update id is told by that run what comes of it.
const CodeContinued domain.ErrorCode = "continued_as_new"

// lane is a row of requests that are carried out one after the other. Different lanes do not wait for each other.
type lane int

const (
	// laneShipments is what changes shipments. [orderSaga.fulfilOrder] carries it out, once there are shipments.
	laneShipments lane = iota
	laneAddress
	laneReview
	laneCancel
	lanePayment
	laneClock
	lanes
)

// requestKind is one kind of request: the name of its update and signal, and what is done about it.
type requestKind struct {
	name, description string
	lane              lane
	// validate refuses what can't be done. It changes nothing.
	validate func([]byte) error
	// carryOut is called once the order is known. Replayed tells that the order had done the same before.
	carryOut func(ctx workflow.Context, body []byte) (replayed bool, err error)
}

// kindOf returns a kind whose body is an R.
func kindOf[R any](
	name string, in lane, description string, validate func(R) error, carryOut func(workflow.Context, R) (replayed bool, err error),
) *requestKind {
	return &requestKind{
		name: name, description: description, lane: in,
		validate: func(body []byte) error {
			r, err := decodeRequest[R](body)
			if err != nil {
				return err
			}
			return validate(r)
		},
		carryOut: func(ctx workflow.Context, body []byte) (bool, error) {
			r, err := decodeRequest[R](body)
			if err != nil {
				return false, err
			}
			return carryOut(ctx, r)
		},
	}
}

// once is carryOut of a request that is refused when it was carried out before.
func once[R any](carryOut func(workflow.Context, R) error) func(workflow.Context, R) (bool, error) {
	return func(ctx workflow.Context, r R) (bool, error) { return false, carryOut(ctx, r) }
}

func decodeRequest[R any](body []byte) (r R, err error) {
	// It depends on nothing but the body, though the checker suspects reflection.
	//workflowcheck:ignore
	if err := json.Unmarshal(body, &r); err != nil {
		return r, activities.Refusal(domain.Refuse(domain.CodeInvalid, "the request can't be read: %s", domain.Clip(err.Error())))
	}
	if asked, ok := any(&r).(interface{ byOperator() }); ok {
		asked.byOperator()
	}
	return r, nil
}

// requestBody returns the JSON object of a request as it came. It refuses what is none, or is too long.
func requestBody(raw converter.RawValue) (json.RawMessage, error) {
	payload := raw.Payload()
	body := bytes.TrimSpace(payload.GetData())
	refuse := func(what string) (json.RawMessage, error) {
		return nil, activities.Refusal(domain.Refuse(domain.CodeInvalid, "the request %s", what))
	}
	switch encoding := string(payload.GetMetadata()[converter.MetadataEncoding]); {
	case len(body) == 0:
		return refuse("has no body")
	case encoding != converter.MetadataEncodingJSON:
		return refuse("is encoded as " + domain.Clip(encoding) + ": it has to be JSON")
	case len(body) > bodyBytesMax:
		return refuse("is too long")
	case !utf8.Valid(body):
		return refuse("is not UTF-8")
	case body[0] != '{' || !json.Valid(body):
		return refuse("is not a JSON object")
	}
	return json.RawMessage(body), nil
}

// queued is a request in the saga's queue. It leaves the queue when it is done.
type queued struct {
	Request
	kind  *requestKind
	since time.Time
	// awaited is true while its sender waits for an answer. Without one, a refusal is shown in the details.
	awaited bool
	// underWay is true once its sender is told, or has to be told, that it is under way.
	underWay bool
	// moved is true once it is left to the next run.
	moved bool
	// checked is true when it was validated as it came.
	checked bool
	// done is true once it was carried out or refused; replayed and err say how.
	done     bool
	replayed bool
	err      error
}

// asks returns ctx for carrying the request out: by whom, and on which precondition.
func (r *queued) asks(ctx workflow.Context) workflow.Context {
	return withPrecondition(withActor(ctx, r.Actor), r.If)
}

// requestQueue is what a saga was asked and has not carried out, in the order in which it came.
type requestQueue struct {
	waiting []*queued
	// taken is how many requests this run has taken in.
	taken int
	// busy is true for a lane whose requests are being carried out. Outwaits is true while that outwaits an outage, or
	// somebody who has to be waited for.
	busy, outwaits [lanes]bool
}

func (q *requestQueue) next(in lane) *queued {
	for _, r := range q.waiting {
		if r.kind.lane == in {
			return r
		}
	}
	return nil
}

// add adds a request. While its lane outwaits something, its sender is not kept waiting.
func (q *requestQueue) add(r *queued) {
	r.underWay = q.outwaits[r.kind.lane]
	q.waiting, q.taken = append(q.waiting, r), q.taken+1
}

// find returns the request that came with an update; nil when it does not wait.
func (q *requestQueue) find(id string) *queued {
	for _, r := range q.waiting {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// check refuses a request for which there is no room, and counts that.
func (q *requestQueue) check(ctx workflow.Context, body []byte) error {
	size := len(body)
	for _, r := range q.waiting {
		size += len(r.Body)
	}
	if size > queueBytesMax {
		workflow.GetMetricsHandler(ctx).Counter(refusedRequestsMetric).Inc(1)
		return activities.Refusal(domain.Refuse(CodeTooManyRequests, "%d requests wait already", len(q.waiting)))
	}
	return nil
}

// refusedRequestsMetric counts the requests for which an order's queue had no room.
const refusedRequestsMetric = "orderloom_saga_requests_refused_total"

func (q *requestQueue) remove(r *queued) {
	q.waiting = slices.DeleteFunc(q.waiting, func(other *queued) bool { return other == r })
}

// tellUnderWay answers the senders of the requests in these lanes that wait for longer than an age.
func (q *requestQueue) tellUnderWay(now time.Time, age time.Duration, in ...lane) {
	for _, r := range q.waiting {
		if slices.Contains(in, r.kind.lane) && now.Sub(r.since) >= age {
			r.underWay = true
		}
	}
}

// requests returns the queue as the next run takes it over.
func (q *requestQueue) requests() (out []Request) {
	for _, r := range q.waiting {
		out = append(out, r.Request)
	}
	return out
}

// registerHandlers lets the saga answer queries and updates and receive signals, from the first workflow task on.
func (s *orderSaga) registerHandlers(ctx workflow.Context) error {
	err := workflow.SetQueryHandler(ctx, QueryState, func() (OrderState, error) {
		state := s.state
		for _, r := range s.queue.waiting {
			if r.ID != "" {
				state.Queue = append(state.Queue, r.ID)
			}
		}
		return state, nil
	})
	if err != nil {
		return err
	}
	for _, kind := range s.kinds {
		update := func(ctx workflow.Context, raw converter.RawValue, call string) (OrderState, error) {
			return s.answerUpdate(ctx, kind, raw, call)
		}
		err := workflow.SetUpdateHandlerWithOptions(ctx, kind.name, update, workflow.UpdateHandlerOptions{
			// It refuses what can't be done before anything is written to the history.
			Validator: func(ctx workflow.Context, raw converter.RawValue, _ string) error {
				return s.validateUpdate(ctx, kind, raw)
			},
			Description: kind.description,
		})
		if err != nil {
			return err
		}
	}
	// One coroutine receives all signals: each coroutine that waits is woken at every step of the saga.
	workflow.GoNamed(ctx, "signals", func(ctx workflow.Context) {
		for workflow.Await(ctx, func() bool { return len(workflow.GetUnhandledSignalNames(ctx)) > 0 }) == nil {
			s.takeSignals(ctx)
		}
	})
	return nil
}

// validateUpdate refuses an update. What can be done is not known before the order is, nor by a saga that was reset.
// The update waits then, and is validated later.
func (s *orderSaga) validateUpdate(ctx workflow.Context, kind *requestKind, raw converter.RawValue) error {
	body, err := requestBody(raw)
	if err != nil {
		return err
	}
	if err := s.queue.check(ctx, body); err != nil {
		return err
	}
	if !s.known || s.mustContinue(ctx) {
		return nil
	}
	return kind.validate(body)
}

// answerUpdate puts an update into the queue and answers it once it is carried out, or takes longer than its sender
// should wait. Call is returned with the answer: by it the sender tells an answer from one to an earlier call.
func (s *orderSaga) answerUpdate(ctx workflow.Context, kind *requestKind, raw converter.RawValue, call string) (OrderState, error) {
	// The cancellation of the execution asks to cancel the order. It ends no request, now or later.
	ctx, end := workflow.NewDisconnectedContext(ctx)
	defer end()
	body, err := requestBody(raw)
	if err != nil {
		return s.state, err
	}
	r := s.queue.find(workflow.GetCurrentUpdateInfo(ctx).ID)
	if r == nil {
		id := workflow.GetCurrentUpdateInfo(ctx).ID
		r = &queued{Request: Request{ID: id, Name: kind.name, Body: body, Actor: actorOf(ctx), If: preconditionOf(ctx)}, kind: kind, awaited: true, checked: s.known}
		s.takeIn(r)
	} else { // the run before has told its sender to ask again
		r.underWay = s.queue.outwaits[r.kind.lane]
	}
	r.awaited, r.since = true, workflow.Now(ctx)
	err = s.awaitAnswer(ctx, r)
	r.awaited = false
	state := s.state
	state.Answers, state.UnderWay, state.Replayed = call, !r.done, r.replayed
	switch {
	case err != nil:
		return state, err
	case r.moved && !r.done:
		return state, s.refusal(domain.Refuse(CodeContinued, "the next run of the order's saga carries it out: ask again"))
	}
	return state, answerTo(state, r.err)
}

// awaitAnswer waits until a request is done, or its sender has to be told that it is under way. Steps tell so in time
// (step_watch.go). What outwaits something as the request comes may have to be ended by it, and that takes a while.
// That wait has a timer. No other has one, because a timer is written to the history.
func (s *orderSaga) awaitAnswer(ctx workflow.Context, r *queued) error {
	r.moved = s.closing
	answered := func() bool { return r.done || r.underWay || r.moved }
	if s.outwaiting == 0 {
		return workflow.Await(ctx, answered)
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: answerWithin, TimerOptions: workflow.TimerOptions{Summary: "the sender has waited long enough"},
	}, answered)
	return err
}

// answerTo returns a refusal with the state, by which its caller knows whether it was the one that was refused.
func answerTo(state OrderState, err error) error {
	if refusalCode(err) == "" {
		return err
	}
	return activities.Refusal(Refused(err), state)
}

// AnswersCall returns which call of a request a refusal answers, as [OrderState.Answers] does. It is empty when the
// request was refused before it was taken in.
func AnswersCall(err error) string {
	var app *temporal.ApplicationError
	var bad domain.Invalids
	var state OrderState
	if !errors.As(err, &app) || !app.HasDetails() || app.Details(&state) != nil && app.Details(&bad, &state) != nil {
		return ""
	}
	return state.Answers
}

// takeSignals moves all signals that have come into the queue. What can't be one of its requests is refused.
func (s *orderSaga) takeSignals(ctx workflow.Context) {
	for _, kind := range s.kinds {
		s.takeSignal(ctx, kind.name, kind)
	}
	s.takePaymentChanges(ctx)
	s.takeChildEnds(ctx)
	unknown := workflow.GetUnhandledSignalNames(ctx)
	slices.Sort(unknown)
	for _, name := range unknown {
		if name == PaymentChanged { // it was noticed
			for workflow.GetSignalChannel(ctx, name).ReceiveAsync(nil) {
				s.queue.taken++
			}
			continue
		}
		s.takeSignal(ctx, name, nil)
	}
}

func (s *orderSaga) takeSignal(ctx workflow.Context, name string, kind *requestKind) {
	channel := workflow.GetSignalChannel(ctx, name)
	for channel.Len() > 0 {
		var raw converter.RawValue
		if !channel.ReceiveAsync(&raw) { // the data converter has failed, and the signal is gone
			s.showRefusal(ctx, activities.Refusal(domain.Refuse(domain.CodeInvalid, "a signal %s can't be decoded", domain.Clip(name))))
			continue
		}
		body, err := requestBody(raw)
		switch {
		case kind == nil:
			err = activities.Refusal(domain.Refuse(domain.CodeInvalid, "there is no signal %s", domain.Clip(name)))
		case err == nil:
			err = s.queue.check(ctx, body)
		}
		if err != nil {
			s.queue.taken++
			s.showRefusal(ctx, err)
			continue
		}
		s.takeIn(&queued{Request: Request{Name: name, Body: body, Actor: signalledBy(body)}, kind: kind, since: workflow.Now(ctx)})
	}
}

// signalledBy is who has sent a signal; empty where it does not say.
func signalledBy(body []byte) actor.Actor {
	var by struct {
		Actor actor.Actor `json:"actor"`
	}
	// It depends on nothing but the body, though the checker suspects reflection.
	//workflowcheck:ignore
	if json.Unmarshal(body, &by) != nil {
		return ""
	}
	return by.Actor
}

// takeIn puts a request into the queue. Those about shipments wait for [orderSaga.fulfilOrder]; the others are carried
// out as soon as the order is known.
func (s *orderSaga) takeIn(r *queued) {
	s.queue.add(r)
	in := r.kind.lane
	if in == laneShipments || s.queue.busy[in] || s.over || s.closing {
		return
	}
	s.queue.busy[in] = true
	workflow.GoNamed(s.body, "requests", func(ctx workflow.Context) {
		defer func() { s.queue.busy[in] = false }()
		if err := s.awaitKnown(ctx); err != nil {
			return
		}
		ctx = s.withSteps(ctx, in)
		for r := s.queue.next(in); r != nil && !s.over; r = s.queue.next(in) {
			var err error
			if !r.checked {
				err = r.kind.validate(r.Body)
			}
			if err == nil {
				r.replayed, err = r.kind.carryOut(r.asks(ctx), r.Body)
			}
			s.finish(ctx, r, err)
			s.lookIfWanted()
		}
	})
}

// finish takes a request out of the queue that is carried out or refused. A refusal that nobody waits for is shown.
func (s *orderSaga) finish(ctx workflow.Context, r *queued, err error) {
	s.queue.remove(r)
	s.queue.outwaits[r.kind.lane] = false
	r.done, r.err = true, err
	switch {
	case err == nil:
		s.clearRefusal(ctx)
	case !r.awaited || r.underWay:
		s.showRefusal(ctx, err)
	}
}

// refuseEarly refuses the updates about shipments that came before the order was known and can't be carried out as it
// stands. Signals wait until their shipment is planned, because the server delivers them once.
func (s *orderSaga) refuseEarly(ctx workflow.Context) {
	for _, r := range slices.Clone(s.queue.waiting) {
		if r.kind.lane != laneShipments || !r.awaited || r.checked {
			continue
		}
		if err := r.kind.validate(r.Body); err != nil {
			s.finish(ctx, r, err)
		}
	}
}

// finishRequests answers what nobody carries out any more, because the order has ended.
func (s *orderSaga) finishRequests(ctx workflow.Context) {
	for _, r := range slices.Clone(s.queue.waiting) {
		err := activities.Refusal(domain.Refuse(domain.CodeNotFound, "the order was not placed"))
		if s.known {
			err = r.kind.validate(r.Body)
		}
		if s.err != nil && err == nil { // the saga has failed, and another one can carry it out
			s.queue.remove(r)
			r.moved = true
			continue
		}
		s.finish(ctx, r, err)
	}
}

// awaitKnown waits until the first step has answered where the order stands, or has failed.
func (s *orderSaga) awaitKnown(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return s.known || s.over })
}
