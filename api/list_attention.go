package api

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/readmodel"
)

// listAttention shows a page of all that waits for a person: GET /api/v1/attention.
func (a *API) listAttention(ctx context.Context, x *httpx.Exchange) error {
	page, err := a.views.Attention(ctx, readmodel.AttentionQuery{
		Cause: attention.Cause(x.QueryText("cause")), Cursor: x.QueryText("cursor"), Limit: int(x.QueryInt("limit")),
	})
	switch {
	case domain.Code(err) == domain.CodeInvalid: // a cursor that is none, or belongs to another cause
		return httpx.InvalidQuery(err)
	case err != nil:
		return fmt.Errorf("list what waits for a person: %w", err)
	}
	return x.Page("attention", len(page.Items), page.NextCursor, func(b []byte, i int) ([]byte, error) {
		text, err := json.Marshal(page.Items[i])
		return append(b, text...), err
	})
}
