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

func TestTickTellsWhatIsNewEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said []string
		begun := time.Now()
		done := progress.TickWith(func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }, func() string {
			return fmt.Sprintf("counting: %.0f", time.Since(begun).Seconds())
		})
		time.Sleep(2*progress.Interval + time.Millisecond) //nolint:forbidigo // the bubble's clock moves by it
		done()
		require.Equal(t, []string{"counting: 2 … 2 s", "counting: 4 … 4 s"}, said)
	})
}
