package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/orphans"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/spf13/cobra"
)

// errDifferent is returned when a verification has found a difference.
var errDifferent = errors.New("the views, Kafka or the sagas differ from the event store")

// verification is what "orderloom verify" has compared. A nil part was left out, on request.
type verification struct {
	Views maintain.Verification       `json:"views"`
	Kafka *maintain.KafkaVerification `json:"kafka"`
	Sagas *orphans.Verification       `json:"sagas"`
	// NotCompared says why the sagas could not be compared.
	NotCompared string `json:"sagas_not_compared,omitempty"`
}

func (p *program) verifyCommand() *cobra.Command {
	var asJSON, noKafka, noTemporal, expired bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare the views, Kafka and the sagas with the event store",
		Long: `Compare every row of every view, every event in Kafka, and the open sagas at Temporal with the event store. It may
run at any time: what is only on its way is no difference, nor is what Kafka need not keep any longer by the settings of
its topics.`,
		Args: arguments(),
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, _ []string) (err error) {
			var v verification
			if v.Views, err = m.Views.Verify(ctx, m.Store, nil); err != nil {
				return err
			}
			if !noKafka && len(m.Broker.Brokers) > 0 {
				k, err := maintain.VerifyKafka(ctx, m.Broker, m.Published, expired, nil)
				if err != nil {
					return err
				}
				v.Kafka = &k
			}
			if !noTemporal {
				done := p.tick("comparing the sagas")
				v.compareSagas(ctx, m)
				done()
			}
			if asJSON {
				err = json.NewEncoder(p.stdout).Encode(v)
			} else {
				err = v.print(p.stdout)
			}
			return errors.Join(err, v.err())
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&noKafka, "no-kafka", false, "leave Kafka out")
	c.Flags().BoolVar(&noTemporal, "no-temporal", false, "leave the sagas at Temporal out")
	c.Flags().BoolVar(&expired, "expired", false, "take streams of which Kafka holds nothing as expired, such as after topics were emptied")
	return c
}

func (v *verification) compareSagas(ctx context.Context, m *app.Maintenance) {
	sagas, err := m.VerifySagas(ctx)
	if err != nil {
		v.NotCompared = err.Error()
		return
	}
	v.Sagas = &sagas
}

// err returns what the exit status tells: a difference, or that something was not compared.
func (v *verification) err() error {
	if !v.Views.OK() || v.Kafka != nil && !v.Kafka.OK() || v.Sagas != nil && !v.Sagas.OK() {
		return errDifferent
	}
	if v.NotCompared != "" {
		return errors.New("the sagas were not compared; leave them out with --no-temporal")
	}
	return nil
}

// print writes what was compared, and each difference.
func (v *verification) print(out io.Writer) error {
	_, _ = fmt.Fprintf(out, "Compared %d rows and %d customers with %d events of %d streams: %d differences, %d streams on their way, %d parked.\n",
		v.Views.Rows, v.Views.Customers, v.Views.Events, v.Views.Streams, v.Views.Wrong, v.Views.Behind, v.Views.Parked)
	differences := v.Views.Differences
	if k := v.Kafka; k != nil {
		_, _ = fmt.Fprintf(out, "Compared %d events in Kafka with %d streams: %d incomplete or out of order, %d events repeated, %d streams expired.\n",
			k.Events, k.Streams, k.Wrong, k.Repeated, k.Expired)
		differences = append(differences, k.Differences...)
	}
	if v.NotCompared != "" {
		_, _ = fmt.Fprintf(out, "The sagas at Temporal were NOT compared: %s\n", v.NotCompared)
	}
	if s := v.Sagas; s != nil {
		_, _ = fmt.Fprintf(out, "Compared the sagas at Temporal: %d orders without the saga that they need, %d ended orders with one.\n", s.Orphaned, s.Surplus)
		for _, d := range s.Differences {
			_, _ = fmt.Fprintf(out, "order %s %s is %s and %s\n", d.Number, d.OrderID, d.Status, d.Cause)
		}
	}
	for _, diff := range differences {
		if _, err := fmt.Fprintf(out, "%s %s\n  want %s\n  have %s\n", diff.View, diff.Key, diff.Want, diff.Have); err != nil {
			return err
		}
	}
	return nil
}
