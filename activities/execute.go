package activities

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
)

// executeOn decides on one aggregate and appends, with errors as the sagas see them.
func executeOn[S any](
	ctx context.Context, a *Activities, aggregate eventstore.Aggregate[S], id uuid.UUID, st eventstore.Stamp, decide func(S) ([]domain.Event, error),
) (S, int64, error) {
	state, version, err := eventstore.Execute(ctx, a.events, aggregate, id, st, decide)
	if err != nil {
		return state, version, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return state, version, nil
}
