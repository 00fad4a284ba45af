package orphans

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// endReturns has a saga look at each order whose returns are due. No execution waits for as long as a return lasts. The
// view may be behind, so a saga may find nothing to do.
func (f *Finder) endReturns(ctx context.Context) error {
	if f.o.Returns == nil {
		return nil
	}
	for after, now := uuid.Nil, time.Now(); ; {
		page, err := f.o.Views.DueReturns(ctx, now, after, pageSize)
		if err != nil {
			return err
		}
		for _, id := range page {
			if err := f.o.Returns.EndReturns(ctx, id); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1]
	}
}
