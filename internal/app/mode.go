package app

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/eventstore"
)

// checkMode marks the store as one of a live platform or of one for trying, and refuses a store of the other kind.
// Errors: ErrUnfit; any other means that the database did not answer.
func checkMode(ctx context.Context, pool *pgxpool.Pool, mode access.Mode) error {
	is, err := eventstore.ClaimMode(ctx, pool, string(mode))
	if err == nil && is != string(mode) {
		err = fmt.Errorf("%w: its store is of a platform with ORDERLOOM_MODE=%s, and this one has ORDERLOOM_MODE=%s. "+
			"Orders for trying are never beside live ones: see docs/test-mode.md", ErrUnfit, is, mode)
	}
	return err
}
