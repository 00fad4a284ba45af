package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/stretchr/testify/require"
)

func well(context.Context) (string, error) { return "version 15", nil }

func TestFindingsAreToldWithTheirRemedies(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	counts := doctor.Run(t.Context(), []doctor.Check{
		{Group: "PostgreSQL", Name: "answers", Ask: well},
		{Group: "PostgreSQL", Name: "has the schema", Ask: func(context.Context) (string, error) {
			return "", doctor.Fault{What: "it lacks 00007_more", Remedy: `run "orderloom migrate"`}
		}},
		{Group: "Views", Name: "are complete", Needs: []string{"PostgreSQL: answers", "PostgreSQL: has the schema"}, Ask: well},
		{Group: "Kafka", Name: "answers", Remedy: "see KAFKA_BROKERS", Ask: func(context.Context) (string, error) { return "", errors.New("refused") }},
		{Group: "Kafka", Name: "keeps enough", Ask: func(context.Context) (string, error) {
			return "", errors.Join(doctor.Fault{What: "one", Remedy: "mend one", Minor: true}, doctor.Fault{What: "two", Remedy: "mend two"})
		}},
	}, doctor.Printer(&out))
	require.Equal(t, map[doctor.Status]int{doctor.OK: 1, doctor.Failing: 3, doctor.Warning: 1, doctor.Skipped: 1}, counts)
	require.Equal(t, `PostgreSQL
  ok    answers: version 15
  FAIL  has the schema: it lacks 00007_more
        > run "orderloom migrate"
Views
  -     are complete: because of: PostgreSQL: has the schema
Kafka
  FAIL  answers: refused
        > see KAFKA_BROKERS
  WARN  keeps enough: one
        > mend one
  FAIL  keeps enough: two
        > mend two
`, out.String())
}

func TestAnErrorOfManyLinesIsOneSentence(t *testing.T) {
	t.Parallel()
	var told []doctor.Finding
	doctor.Run(t.Context(), []doctor.Check{{
		Group: "PostgreSQL", Name: "answers", Remedy: "look at it",
		Ask: func(context.Context) (string, error) {
			return "", errors.New("failed to connect to `database=d`:\n\t127.0.0.1: refused\n\t127.0.0.1: refused\n\t::1: refused")
		},
		Explain: func(err error) error { return errors.New("it says: " + err.Error()) },
	}}, func(f doctor.Finding) { told = append(told, f) })
	require.Equal(t, "it says: failed to connect to `database=d`: 127.0.0.1: refused; ::1: refused", told[0].Found)
	require.Equal(t, "look at it", told[0].Remedy)
}

func TestACheckWithoutAnAnswerFailsAfterItsTime(t *testing.T) {
	t.Parallel()
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	var told []doctor.Finding
	doctor.Run(t.Context(), []doctor.Check{{
		Group: "Temporal", Name: "answers", Timeout: time.Millisecond, Remedy: "look at it",
		Ask: func(context.Context) (string, error) { <-never; return "", nil },
	}}, func(f doctor.Finding) { told = append(told, f) })
	require.Equal(t, []doctor.Finding{{
		Group: "Temporal", Check: "answers", Status: doctor.Failing, Found: "no answer within 1ms", Remedy: "look at it",
	}}, told)
}

func TestAGroupDoesNotWaitForAnother(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	var told []string
	doctor.Run(t.Context(), []doctor.Check{
		{Group: "Temporal", Name: "answers", Ask: func(ctx context.Context) (string, error) {
			select {
			case <-asked:
				return "", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}},
		{Group: "Kafka", Name: "answers", Ask: func(context.Context) (string, error) { close(asked); return "", nil }},
		{Group: "Sagas", Name: "are open", Needs: []string{"Temporal: answers", "Redis: is not asked"}, Ask: well},
	}, func(f doctor.Finding) { told = append(told, f.Group+" "+string(f.Status)) })
	require.Equal(t, []string{"Temporal ok", "Kafka ok", "Sagas ok"}, told)
}

func TestExaminationsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	counts := doctor.Run(ctx, []doctor.Check{
		{Group: "Sagas", Name: "need what never comes", Needs: []string{"Temporal: answers"}, Ask: well},
		{Group: "Temporal", Name: "answers", Ask: func(ctx context.Context) (string, error) { cancel(); <-ctx.Done(); return "", ctx.Err() }},
	}, func(doctor.Finding) {})
	require.Empty(t, counts)
}
