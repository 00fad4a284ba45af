package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/recovery"
	"github.com/stretchr/testify/require"
)

// What is found is told either to people or to programs, and programs get all of it.
func TestARecoveryTellsProgramsWhatItTellsPeople(t *testing.T) {
	t.Parallel()
	f := recovery.Found{
		Identity: eventstore.Identity{ID: uuid.New(), Epoch: 3, Reason: "restored"}, Known: eventstore.Known{Epoch: 2, Sequence: 70},
		Lost: 11, Streams: 5, Taken: 4, Behind: "Kafka has more", Erased: 6, Keys: 7, Invoiced: 8, Open: 9,
		Placed: []uuid.UUID{uuid.New()}, Unplaced: []uuid.UUID{uuid.New()}, Unread: []uuid.UUID{uuid.New()}, Gaps: []recovery.Gap{{Have: 1, First: 2, Last: 3, Cause: "lost"}},
	}
	var people strings.Builder
	r := recovering{program: &program{stdout: &people}, output: outputTable}
	r.printFound(f)
	text, err := json.Marshal(r.told)
	require.NoError(t, err)
	for _, said := range []string{f.Identity.ID.String(), f.Behind, f.Placed[0].String(), f.Unplaced[0].String(), f.Unread[0].String(), f.Gaps[0].String(), "restored"} {
		require.Contains(t, people.String(), said)
		require.Contains(t, string(text), said)
	}
	require.Contains(t, string(text), `"lost_events":11,"streams":5,"taken_back":4,"customers_to_erase":6,"customer_keys_to_take_back":7,"invoiced_up_to":8,"open_sagas":9`)

	people.Reset()
	r.output = outputJSON
	r.printFound(f)
	require.Empty(t, people.String(), "it is told once")
}
