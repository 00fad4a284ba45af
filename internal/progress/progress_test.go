package progress_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderloom/orderloom/internal/progress"
	"github.com/stretchr/testify/require"
)

func TestTickSpeaksOfWhatTakesLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said []string
		log := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }

		done := progress.Tick(log, "a short while")
		time.Sleep(progress.Interval - time.Millisecond) //nolint:forbidigo // the bubble's clock moves by it
		done()
		require.Empty(t, said)

		done = progress.Tick(log, "starting PostgreSQL")
		time.Sleep(2*progress.Interval + time.Millisecond) //nolint:forbidigo // the same
		done()
		require.Equal(t, []string{"starting PostgreSQL … 2 s", "starting PostgreSQL … 4 s"}, said)
	})
}
