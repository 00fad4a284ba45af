package app

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/doctor"
)

// checkMode marks the store as one of a live platform or of one for trying, and refuses a store of the other kind.
// Errors: ErrUnfit; any other means that the database did not answer.
func checkMode(ctx context.Context, pool *pgxpool.Pool, mode access.Mode) error {
	is, err := eventstore.ClaimMode(ctx, pool, string(mode))
	if err == nil && is != string(mode) {
		err = otherMode(is, mode)
	}
	return err
}

func otherMode(is string, mode access.Mode) error {
	return fmt.Errorf("%w: its store is of a platform with ORDERLOOM_MODE=%s, and this one has ORDERLOOM_MODE=%s. "+
		"Orders for trying are never beside live ones: see docs/test-mode.md", ErrUnfit, is, mode)
}

// storeOfMode is a check of the doctor: it looks, and claims nothing.
func (p *patient) storeOfMode(ctx context.Context) (string, error) {
	is, err := eventstore.ModeOf(ctx, p.Pool)
	mode := p.cfg.HTTP.Access.Mode
	switch {
	case err != nil:
		return "", err
	case is == "":
		return "no process has claimed it yet", nil
	case is != string(mode):
		return "", doctor.Fault{What: otherMode(is, mode).Error(), Remedy: "give the doctor the settings of the platform, or each platform a database of its own"}
	}
	return is, nil
}
