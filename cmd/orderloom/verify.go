package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/spf13/cobra"
)

// errDifferent is returned when a verification has found a difference.
var errDifferent = errors.New("the views or Kafka differ from the event store")

func (p *program) verifyCommand() *cobra.Command {
	var asJSON, noKafka, expired bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare the views and Kafka with the event store",
		Long: `Compare every row of every view, and every event in Kafka, with the event store. It may run at any time:
what is only on its way is no difference.`,
		Args: arguments(),
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			views, err := m.Views.Verify(ctx, m.Store, nil)
			if err != nil {
				return err
			}
			var kafka *maintain.KafkaVerification
			if !noKafka && len(m.Broker.Brokers) > 0 {
				k, err := maintain.VerifyKafka(ctx, m.Broker, m.Published, expired, nil)
				if err != nil {
					return err
				}
				kafka = &k
			}
			if asJSON {
				err = json.NewEncoder(p.stdout).Encode(map[string]any{"views": views, "kafka": kafka})
			} else {
				err = printVerification(p.stdout, views, kafka)
			}
			if err == nil && (!views.OK() || kafka != nil && !kafka.OK()) {
				return errDifferent
			}
			return err
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&noKafka, "no-kafka", false, "leave Kafka out")
	c.Flags().BoolVar(&expired, "expired", false, "take streams of which Kafka holds nothing as expired there, not as missing")
	return c
}

// printVerification writes what was compared, and each difference.
func printVerification(out io.Writer, v maintain.Verification, k *maintain.KafkaVerification) error {
	_, _ = fmt.Fprintf(out, "Compared %d rows and %d customers with %d events of %d streams: %d differences, %d streams on their way, %d parked.\n",
		v.Rows, v.Customers, v.Events, v.Streams, v.Wrong, v.Behind, v.Parked)
	differences := v.Differences
	if k != nil {
		_, _ = fmt.Fprintf(out, "Compared %d events in Kafka with %d streams: %d incomplete or out of order, %d events repeated, %d streams expired.\n",
			k.Events, k.Streams, k.Wrong, k.Repeated, k.Expired)
		differences = append(differences, k.Differences...)
	}
	for _, diff := range differences {
		if _, err := fmt.Fprintf(out, "%s %s\n  want %s\n  have %s\n", diff.View, diff.Key, diff.Want, diff.Have); err != nil {
			return err
		}
	}
	return nil
}
