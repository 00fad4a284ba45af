package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

func loadAfter(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(stream, 0, 5))
	require.NoError(t, err)
	for after, want := range map[int64]int{0: 5, 3: 2, 5: 0, 9: 0} {
		events, err := s.Load(t.Context(), stream, after)
		require.NoError(t, err)
		require.Len(t, events, want)
	}
	events, err := s.Load(t.Context(), Stream(domain.AggregateOrder), 0)
	require.NoError(t, err)
	require.Empty(t, events)
}

func globalOrder(t *testing.T, s Store) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := map[int64]uuid.UUID{}
	for range 8 {
		wg.Go(func() {
			for range 20 {
				a, b := To(Stream(domain.AggregateOrder), 0, 2), To(Stream(domain.AggregatePayment), 0, 1)
				appended, err := s.Append(t.Context(), a, b)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				mu.Lock()
				for i, e := range append(a.Events, b.Events...) {
					want[append(appended[0].Positions, appended[1].Positions...)[i]] = e.ID
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, limit := range []int{0, 7} {
		events := All(t, s, eventstore.ReadOptions{Limit: limit})
		require.Len(t, events, len(want))
		last := int64(0)
		for _, e := range events {
			require.Greater(t, e.Sequence, last)
			require.Equal(t, want[e.Sequence], e.EventID)
			last = e.Sequence
		}
	}
}

// spanned reads in pages that look at few numbers each, with a filter that picks one event of many.
func spanned(t *testing.T, s Store) {
	a := To(Stream(domain.AggregateOrder), 0, 40)
	a.Events[33].Type = "Rare"
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	for _, filter := range []eventstore.Filter{{}, {EventTypes: []string{"Rare"}}, {To: a.Events[0].Timestamp}} {
		whole := All(t, s, eventstore.ReadOptions{Filter: filter})
		var events []domain.Envelope
		o := eventstore.ReadOptions{Filter: filter, Span: 7}
		for more := true; more; {
			page, err := s.Read(t.Context(), o)
			require.NoError(t, err)
			require.LessOrEqual(t, page.Next-o.After, o.Span)
			require.Equal(t, page.Next < page.HighWater, page.More)
			events = append(events, page.Events...)
			o.After, more = page.Next, page.More
		}
		require.Equal(t, whole, events)
	}
	_, err = s.Read(t.Context(), eventstore.ReadOptions{Span: -1})
	require.Equal(t, domain.CodeInvalid, domain.Code(err))
}

func filtered(t *testing.T, s Store) {
	order, payment := To(Stream(domain.AggregateOrder), 0, 3), To(Stream(domain.AggregatePayment), 0, 2)
	order.Events[1].Type = "Special"
	later := order.Events[0].Timestamp.Add(time.Hour)
	order.Events[2].Timestamp = later
	payment.Events[1].Metadata.CorrelationID = "other"
	_, err := s.Append(t.Context(), order, payment)
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		filter eventstore.Filter
		want   int
	}{
		{"all", eventstore.Filter{}, 5},
		{"one aggregate type", eventstore.Filter{AggregateTypes: []string{domain.AggregatePayment}}, 2},
		{"two aggregate types", eventstore.Filter{AggregateTypes: []string{domain.AggregatePayment, domain.AggregateOrder}}, 5},
		{"an event type", eventstore.Filter{EventTypes: []string{"Special"}}, 1},
		{"a correlation id", eventstore.Filter{CorrelationID: "other"}, 1},
		{"two conditions that nothing meets", eventstore.Filter{CorrelationID: "other", EventTypes: []string{"Special"}}, 0},
		{"from a time", eventstore.Filter{From: later}, 1},
		{"up to a time", eventstore.Filter{To: later}, 4},
		{"a payload", eventstore.Filter{Payload: json.RawMessage(`{"n":1}`)}, 2},
		{"a payload that nothing has", eventstore.Filter{Payload: json.RawMessage(`{"n":1,"m":1}`)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Len(t, All(t, s, eventstore.ReadOptions{Filter: c.filter, Limit: 2}), c.want)
		})
	}
}

func filteredCursor(t *testing.T, s Store) {
	appended, err := s.Append(t.Context(), To(Stream(domain.AggregateOrder), 0, 10))
	require.NoError(t, err)
	page, err := s.Read(t.Context(), eventstore.ReadOptions{Filter: eventstore.Filter{EventTypes: []string{"None"}}})
	require.NoError(t, err)
	require.Empty(t, page.Events)
	require.Equal(t, appended[0].Positions[9], page.Next)
	require.Equal(t, page.HighWater, page.Next)
}

func cancelled(t *testing.T, s Store) {
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			a := To(Stream(domain.AggregateOrder), 0, 1)
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*20)*time.Microsecond)
			defer cancel()
			_, err := s.Append(ctx, a)
			events, loadErr := s.Load(t.Context(), a.Stream, 0)
			switch {
			case loadErr != nil:
				t.Errorf("load: %v", loadErr)
			case err == nil && len(events) != 1:
				t.Errorf("confirmed and not there")
			case err != nil && !errors.Is(err, eventstore.ErrOutcomeUnknown) && len(events) != 0:
				t.Errorf("refused with %v and there", err)
			case err != nil && !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("append: %v", err)
			}
		})
	}
	wg.Wait()
}

func wakes(t *testing.T, s Store) {
	wake, stop := s.Wake()
	defer stop()
	_, err := s.Append(t.Context(), To(Stream(domain.AggregateOrder), 0, 1))
	require.NoError(t, err)
	select {
	case <-wake:
	case <-t.Context().Done():
		t.Fatal("nobody woke")
	}
}
