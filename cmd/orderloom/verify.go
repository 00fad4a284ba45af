package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/invoicing"
	"github.com/orderloom/orderloom/orphans"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/recovery"
	"github.com/spf13/cobra"
)

// errDifferent is returned when a verification has found a difference.
var errDifferent = errors.New("the views, the invoices, Kafka or the sagas differ from the event store")

// errBehind is returned when others know more than the event store, or it is not confirmed.
var errBehind = errors.New("the event store takes no append: run \"orderloom recover\"")

// verification is what "orderloom verify" has compared. A nil part was left out, on request.
type verification struct {
	Store *storeVerification          `json:"store,omitempty"`
	Views maintain.Verification       `json:"views"`
	Kafka *maintain.KafkaVerification `json:"kafka"`
	Sagas *orphans.Verification       `json:"sagas"`

	Invoices *invoicing.Verification `json:"invoices"`
	// NotCompared says why the sagas could not be compared.
	NotCompared string `json:"sagas_not_compared,omitempty"`

	notCompared error
}

func (p *program) verifyCommand() *cobra.Command {
	var noKafka, noTemporal, expired bool
	var output *format
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare the views, the invoices, Kafka and the sagas with the event store",
		Long: `Compare every row of every view, every invoice and credit note, every event in Kafka, and the open sagas at Temporal
with the event store. It may run at any time: what is only on its way is no difference, nor is what Kafka need not keep
any longer by the settings of its topics.

When Kafka or the mark at Temporal know more than the event store, it was restored from an older backup. Nothing is
appended to it from then on, until "orderloom recover" has mended it.`,
		Args: arguments(),
	}
	compare := func(ctx context.Context, m *app.Maintenance, _ []string) (err error) {
		var v verification
		p.does("comparing the event store with Kafka and Temporal")
		if err := v.compareStore(ctx, m, !noKafka, !noTemporal); err != nil {
			return err
		}
		p.does("comparing the views")
		if v.Views, err = m.Views.Verify(ctx, m.Store, nil); err != nil {
			return err
		}
		p.does("comparing the invoices")
		invoices, err := m.VerifyInvoices(ctx)
		if err != nil {
			return err
		}
		v.Invoices = &invoices
		open, err := m.OpenAppends(ctx)
		if err != nil {
			return err
		}
		// Otherwise no relay publishes everything.
		if v.Store.OK && len(open) == 0 && !noKafka && len(m.Broker.Brokers) > 0 {
			p.does("comparing the events in Kafka")
			k, err := maintain.VerifyKafka(ctx, m.Broker, m.Published, expired, nil)
			if err != nil {
				return err
			}
			v.Kafka = &k
		}
		if !noTemporal {
			p.does("comparing the sagas")
			v.compareSagas(ctx, m)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		shown := p.show(*output, v, v.print)
		return errors.Join(found(open...), shown, v.err())
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if noKafka {
			return p.maintains(compare)(c, args)
		}
		return p.comparesKafka(compare)(c, args)
	}
	output = outputFlag(c)
	c.Flags().BoolVar(&noKafka, "no-kafka", false, "leave Kafka out")
	c.Flags().BoolVar(&noTemporal, "no-temporal", false, "leave the sagas at Temporal out")
	c.Flags().BoolVar(&expired, "expired", false, "take streams of which Kafka holds nothing as expired, such as after topics were emptied")
	c.MarkFlagsMutuallyExclusive("no-kafka", "expired")
	return c
}

// storeVerification is what Kafka and Temporal know of the store, and what Kafka lacks while nothing is published.
type storeVerification struct {
	OK        bool      `json:"ok"`
	ID        uuid.UUID `json:"store_id"`
	Epoch     int64     `json:"epoch"`
	Confirmed bool      `json:"confirmed"`
	// Last is the sequence of the store's last event. KnownEpoch and Known are what Kafka and Temporal know.
	Last       int64 `json:"last_sequence"`
	KnownEpoch int64 `json:"known_epoch"`
	Known      int64 `json:"known_sequence"`
	// Events counts those of this store that Kafka has. Losses are the first streams of which the store lacks some, and
	// Streams counts all of them.
	Events  int64           `json:"kafka_events"`
	Streams int             `json:"streams_behind"`
	Losses  []recovery.Loss `json:"losses,omitempty"`
	Behind  string          `json:"behind,omitempty"`
	// NotPublished counts the events that the relay says it has published and Kafka lacks at its end, while nothing is
	// published.
	NotPublished int64 `json:"kafka_lacks,omitempty"`
	// MarkNotRead says why the mark at Temporal was not compared.
	MarkNotRead string `json:"mark_not_read,omitempty"`
}

// lossesMax is how many streams with lost events are listed.
const lossesMax = 20

// compareStore compares the event store with what others know of it.
func (v *verification) compareStore(ctx context.Context, m *app.Maintenance, kafka, mark bool) error {
	s, err := m.VerifyStore(ctx, kafka, mark)
	if err != nil {
		return err
	}
	v.Store = &storeVerification{
		OK: s.OK(), ID: s.Identity.ID, Epoch: s.Identity.Epoch, Confirmed: s.Identity.Confirmed, Last: s.Last,
		KnownEpoch: s.Known.Epoch, Known: s.Known.Sequence, Events: s.Events, Streams: len(s.Losses),
		Losses: s.Losses[:min(len(s.Losses), lossesMax)], Behind: s.Behind, MarkNotRead: s.MarkUnread,
	}
	if s.OK() || !kafka || len(m.Broker.Brokers) == 0 {
		return nil
	}
	position, err := m.Published.Published(ctx)
	if err != nil {
		return err
	}
	lost, err := m.LostByKafka(ctx, position)
	v.Store.NotPublished = lost.Events
	return err
}

// writeTo writes what others know of the store.
func (s *storeVerification) writeTo(out io.Writer) {
	state := "confirmed"
	if !s.Confirmed {
		state = "NOT confirmed"
	}
	_, _ = fmt.Fprintf(out, "Event store %s: epoch %d, %s, events up to %d.\n", s.ID, s.Epoch, state, s.Last)
	if s.KnownEpoch > 0 {
		_, _ = fmt.Fprintf(out, "Known outside: epoch %d, events up to %d; the store lacks events of %d streams.\n", s.KnownEpoch, s.Known, s.Streams)
	}
	if s.Behind != "" {
		_, _ = fmt.Fprintf(out, "The event store is behind: %s. Nothing is appended until \"orderloom recover\" has mended it.\n", s.Behind)
	}
	for _, l := range s.Losses {
		_, _ = fmt.Fprintf(out, "  %s\n", l)
	}
	if s.NotPublished > 0 {
		_, _ = fmt.Fprintf(out, "Kafka lacks %d events that were published: publish them again with \"orderloom relay rewind\" after the recovery.\n", s.NotPublished)
	}
	if s.MarkNotRead != "" {
		_, _ = fmt.Fprintf(out, "The mark at Temporal was NOT compared: %s\n", s.MarkNotRead)
	}
}

func (v *verification) compareSagas(ctx context.Context, m *app.Maintenance) {
	sagas, err := m.VerifySagas(ctx)
	if err != nil {
		v.NotCompared, v.notCompared = err.Error(), err
		return
	}
	v.Sagas = &sagas
}

// err returns what the exit status tells: a difference, or that something was not compared.
func (v *verification) err() error {
	if v.Store != nil && !v.Store.OK {
		return foundError{errBehind}
	}
	if !v.Views.OK() || v.Invoices != nil && !v.Invoices.OK() || v.Kafka != nil && !v.Kafka.OK() || v.Sagas != nil && !v.Sagas.OK() {
		return foundError{errDifferent}
	}
	if v.NotCompared != "" {
		return fmt.Errorf("the sagas were not compared; leave them out with --no-temporal: %w", v.notCompared)
	}
	return nil
}

// writeTo writes what was compared, and each difference.
func (v *verification) print(out io.Writer) error {
	if v.Store != nil {
		v.Store.writeTo(out)
	}
	_, _ = fmt.Fprintf(out, "Compared %d rows and %d customers with %d events of %d streams: %d differences, %d streams on their way, %d parked.\n",
		v.Views.Rows, v.Views.Customers, v.Views.Events, v.Views.Streams, v.Views.Wrong, v.Views.Behind, v.Views.Parked)
	differences := v.Views.Differences
	if i := v.Invoices; i != nil {
		_, _ = fmt.Fprintf(out, "Compared %d invoices and credit notes of %d series with the events up to %d: %d differences.\n",
			i.Documents, i.Series, i.Position, i.Wrong)
		for _, d := range i.Differences {
			_, _ = fmt.Fprintf(out, "invoice %s: %s\n", d.About, d.What)
		}
	}
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
