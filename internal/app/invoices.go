package app

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/invoicing"
	"github.com/orderloom/orderloom/relay"
)

// issuer gives numbers to invoices and credit notes.
func (p *platform) issuer() *invoicing.Issuer {
	return invoicing.New(invoicing.Options{
		Pool: p.pool, Events: p.store, Published: publishedMoney(p.pool), Forms: p.cfg.Orders.Invoices, Logger: p.tel.Logger, Registerer: p.tel.Registry,
	})
}

// publishedMoney returns up to which event the relay has published all that invoices are written of.
func publishedMoney(pool *pgxpool.Pool) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		return relay.PublishedOf(ctx, pool, relay.Name, domain.AggregateOrder, domain.AggregatePayment)
	}
}

// VerifyInvoices compares the invoices with the events.
func (m *Maintenance) VerifyInvoices(ctx context.Context) (invoicing.Verification, error) {
	return invoicing.Verify(ctx, m.Pool, m.Store)
}
