package moneytest_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

var (
	seeds = flag.Uint64("seeds", 60, "run the seeds from 1 to this one")
	seed  = flag.Uint64("seed", 0, "run this seed alone")
)

const (
	// livesAtOnce is how many lives run at a time for each processor: they wait for the database often.
	livesAtOnce = 4
	// failuresMax is how many failing seeds are lived again and printed before the rest is left out.
	failuresMax = 5
)

// TestMoneyAddsUpWhateverHappens runs the lives of many seeds.
//
// It finds each of these faults, put into the code by hand, within a hundred seeds:
//
//   - Refunds reserve nothing: payment.Payment.Refundable takes off only what was paid.
//   - Nothing is capped by what is refundable: Refundable returns what was captured.
//   - A request whose key the gateway has forgotten is made again without looking it up: "old" of the Stripe gateway.
//   - Refunds that were made elsewhere are not recorded: decideGatewayEvent.
//
//nolint:paralleltest // it is parallel in itself
func TestMoneyAddsUpWhateverHappens(t *testing.T) {
	s := openShop(t)
	if *seed != 0 {
		l := s.live(t.Context(), *seed)
		t.Log(l.String())
		require.Empty(t, l.faults)
		return
	}
	todo := make(chan uint64)
	var mu sync.Mutex
	var failed []*life
	var workers sync.WaitGroup
	for range livesAtOnce * runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for n := range todo {
				l := s.live(t.Context(), n)
				if len(l.faults) == 0 {
					continue
				}
				mu.Lock()
				failed = append(failed, l)
				mu.Unlock()
			}
		})
	}
	for n := uint64(1); n <= *seeds; n++ {
		todo <- n
	}
	close(todo)
	workers.Wait()
	requireNone(t, failed)
}

// requireNone prints the lives that have failed, and lives each again alone. One that passes then is a fault as well: a
// slow database changes which way a life takes, and every way has to add up. It is printed as it failed.
func requireNone(t *testing.T, failed []*life) {
	t.Helper()
	for _, l := range failed[:min(len(failed), failuresMax)] {
		if again := openShop(t).live(t.Context(), l.seed); len(again.faults) > 0 {
			t.Error(again.String())
			continue
		}
		t.Errorf("it failed among others, and passes alone:\n%s", l)
	}
	require.Empty(t, failed[min(len(failed), failuresMax):], "more seeds have failed than were lived again")
}

// shop is what all lives share: an event store on PostgreSQL, and its locations.
type shop struct {
	store  *eventstore.Store
	events *eventstore.Repository
}

var locations = []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "reno", Country: "US"}}

func openShop(t *testing.T) *shop {
	store, err := eventstore.Open(t.Context(), pgtest.Pool(t), eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	s := &shop{store: store, events: eventstore.NewRepository(store, eventstore.RepositoryOptions{})}
	a := activities.New(activities.Options{Events: s.events, Locations: locations})
	require.NoError(t, a.SeedLocations(t.Context(), time.Now()))
	return s
}

// String tells of a seed that has failed, or was run alone.
func (l *life) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s\n", l.seed, l.setting)
	for _, f := range l.faults {
		fmt.Fprintf(&b, "  FAULT %s\n", f)
	}
	for i, step := range l.steps {
		fmt.Fprintf(&b, "  %3d. %s\n", i+1, step)
	}
	fmt.Fprintf(&b, "run it alone: go test ./internal/testing/moneytest -run TestMoney -seed %d\n", l.seed)
	return b.String()
}
