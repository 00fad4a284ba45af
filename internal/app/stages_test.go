package app

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/stretchr/testify/require"
)

// recorder notes in which order parts end.
type recorder struct {
	mu    sync.Mutex
	ended []string
}

func (r *recorder) part(name string) part {
	return part{name, func(ctx context.Context) error {
		<-ctx.Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended = append(r.ended, name)
		return ctx.Err()
	}}
}

func TestStagesStopOneAfterTheOther(t *testing.T) {
	t.Parallel()
	var r recorder
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, runStages(ctx, []stage{{r.part("http")}, {r.part("worker")}, {r.part("relay")}}, time.Minute))
	require.Equal(t, []string{"http", "worker", "relay"}, r.ended)
}

func TestAFailedPartStopsTheOthers(t *testing.T) {
	t.Parallel()
	var r recorder
	broken := errors.New("broken")
	err := runStages(t.Context(), []stage{{r.part("http")}, {part{"relay", func(context.Context) error { return broken }}}}, time.Minute)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "relay: broken")
	require.Equal(t, []string{"http"}, r.ended)
}

func TestAPartThatEndsByItselfIsAFailure(t *testing.T) {
	t.Parallel()
	err := runStages(t.Context(), []stage{{part{"projector", func(context.Context) error { return nil }}}}, time.Minute)
	require.ErrorContains(t, err, "projector: ended by itself")
}

func TestAPartThatDoesNotStopIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	stuck := part{"worker", func(context.Context) error { <-forever; return nil }}
	require.ErrorContains(t, runStages(ctx, []stage{{stuck}}, -drainGrace), "worker did not stop")
}

func TestRolesAreCheckedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, checkRoles(nil), "no role")
	require.ErrorContains(t, checkRoles([]config.Role{"setup"}), `"setup"`)
	require.NoError(t, checkRoles([]config.Role{config.RoleAPI, config.RoleWorker}))
}
