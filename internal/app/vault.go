package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/keyring"
	"github.com/orderloom/orderloom/privacy"
)

// sagaVault is the vault as the sagas' steps need it. They have to know whether it is of use to try again.
type sagaVault struct {
	*privacy.Vault

	pool *pgxpool.Pool
}

// Reseal implements [activities.Vault].
func (v sagaVault) Reseal(ctx context.Context, subject string, s domain.Sealed) (domain.Sealed, error) {
	sealed, err := v.Vault.Reseal(ctx, subject, s)
	return sealed, v.lasting(ctx, err)
}

// Open implements [activities.Vault].
func (v sagaVault) Open(ctx context.Context, s domain.Sealed, value any) error {
	return v.lasting(ctx, v.Vault.Open(ctx, s, value))
}

// lasting makes an error about a master key that no process has [domain.ErrUnreadable]: nobody will open that. A key
// that others have is missing in this process, which ends soon because of that.
func (v sagaVault) lasting(ctx context.Context, err error) error {
	var unknown *privacy.UnknownKeyError
	if !errors.As(err, &unknown) {
		return err
	}
	used, failed := keyring.InUse(ctx, v.pool, keyring.Master, unknown.ID)
	if failed != nil || used {
		return errors.Join(err, failed)
	}
	return fmt.Errorf("%w: %w, and no process has it", domain.ErrUnreadable, err)
}
