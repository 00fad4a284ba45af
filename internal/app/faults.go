package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/relay"
)

// openAppendTooLong is how long an append may be open before it is a fault. Those of a healthy platform last
// milliseconds.
const openAppendTooLong = time.Second

// startWorker mends that nobody publishes or carries out sagas.
const startWorker = `start "orderloom worker" or "orderloom all"`

// leaderTooSilent is how long a leader may be silent before it is a fault. A healthy one says something each second.
const leaderTooSilent = 3 * time.Second

// OpenAppends returns the appends that hold up publishing, each as a [doctor.Fault] that says how to end it.
func (m *Maintenance) OpenAppends(ctx context.Context) (faults []error, err error) {
	open, err := m.Store.OpenAppends(ctx)
	for _, a := range open {
		if a.For >= openAppendTooLong {
			faults = append(faults, doctor.Fault{
				What: fmt.Sprintf("an append is open for %s (%s of %q at %s), and events that came after it are not published until it ends",
					a.For.Round(time.Millisecond), a.State, a.Application, a.Client),
				Remedy: fmt.Sprintf("\"SELECT pg_terminate_backend(%d)\" ends it", a.PID),
			})
		}
	}
	return faults, err
}

const (
	// customersPage is how many customers are looked at at once.
	customersPage = 5_000
	// ordersNamed is how many orders a fault names.
	ordersNamed = 20
)

// CheckCustomerKeys counts the customers, and looks whether each has a key or was erased. The error is a
// [doctor.Fault] that names orders whose personal data and payment token nobody can open.
func (m *Maintenance) CheckCustomerKeys(ctx context.Context) (customers int, err error) {
	var keyless []string
	for after := ""; ; {
		page, err := readmodel.CustomerPage(ctx, m.Pool, after, customersPage)
		if err != nil || len(page) == 0 {
			if err != nil {
				return customers, err
			}
			break
		}
		found, err := privacy.Keyless(ctx, m.Pool, page)
		if err != nil {
			return customers, err
		}
		customers, keyless, after = customers+len(page), append(keyless, found...), page[len(page)-1]
	}
	if len(keyless) == 0 {
		return customers, nil
	}
	numbers, err := readmodel.OrderNumbersOf(ctx, m.Pool, keyless, ordersNamed)
	if err != nil {
		return customers, err
	}
	return customers, doctor.Fault{
		What: fmt.Sprintf("the keys of %d customers are gone, so nobody can open the recipients of their orders, such as %s",
			len(keyless), strings.Join(numbers, ", ")),
		Remedy: `"orderloom recover --confirm" takes keys back that Kafka still has; ask the customers for what is lost, and change the orders' recipients`,
	}
}

// RelayFaults returns what is wrong with a relay, each as a [doctor.Fault] with its remedy.
func (m *Maintenance) RelayFaults(ctx context.Context, s relay.Status) (faults []error) {
	fault := func(remedy, format string, args ...any) {
		faults = append(faults, doctor.Fault{What: s.Name + ": " + fmt.Sprintf(format, args...), Remedy: remedy})
	}
	for _, w := range s.Withheld {
		fault(`they are published once the topic takes them ("orderloom setup" makes those of this program)`,
			"events of type %s are withheld since %s, those after sequence %d: %s", w.AggregateType, w.Since.Format(time.RFC3339), w.Position, w.Error)
	}
	if s.Ahead() {
		fault(`set it back with "orderloom relay rewind --to <sequence>"`,
			"the cursor is at %d, beyond the last event of the store (%d), so nothing is published", s.Position, s.Last)
		return faults
	}
	if !s.Led && s.Behind > 0 {
		fault(startWorker, "nobody leads, so %d events are not published", s.Behind)
	}
	if s.SilentFor > leaderTooSilent {
		fault(fmt.Sprintf("after %s another relay leads, if one runs", relay.SilentMax),
			"the leader has been silent for %s", s.SilentFor.Round(time.Millisecond))
	}
	if !s.LostSince.IsZero() {
		fault(`"orderloom relay rewind --to 0" publishes all again, and consumers skip those that they know`,
			"Kafka has lost events that were published, as was found at %s", s.LostSince.Format(time.RFC3339))
		return faults
	}
	loss, err := m.LostByKafka(ctx, s.Position)
	switch {
	case err != nil:
		fault("look at Kafka, and at "+kafkaSettings, "the topics could not be looked at: %s", err)
	case loss.Events > 0:
		fault(fmt.Sprintf(`"orderloom relay rewind --to %d" publishes them again`, loss.Newest),
			"Kafka has events up to sequence %d, and lacks %d that were published after that", loss.Newest, loss.Events)
	}
	return faults
}
