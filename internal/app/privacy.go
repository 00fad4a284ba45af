package app

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/orderloom/orderloom/projector/views/figures"
	"github.com/orderloom/orderloom/projector/views/orders"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/prometheus/client_golang/prometheus"
)

// openPrivacy opens the vault, and the index of contacts where there are keys for it.
func (p *platform) openPrivacy() (err error) {
	if p.vault, err = openVault(p.pool, p.cfg.Privacy); err != nil {
		return err
	}
	p.index, p.contacts, err = openContacts(p.pool, p.cfg.Privacy)
	return err
}

// openVault returns the vault of the customers' keys. Whoever destroys one with it drops by what the customer's
// contacts are found.
func openVault(pool *pgxpool.Pool, cfg config.Privacy) (*privacy.Vault, error) {
	if len(cfg.MasterKeys) == 0 { // a projector needs none
		return privacy.NewVault(pool, privacy.NoMasterKeys{}, privacy.Options{Forget: orders.Forget}), nil
	}
	keys := make([]privacy.MasterKey, len(cfg.MasterKeys))
	for i, k := range cfg.MasterKeys {
		keys[i] = privacy.MasterKey(k)
	}
	wrapper, err := privacy.NewMasterKeys(keys...)
	if err != nil {
		return nil, fmt.Errorf("read ORDERLOOM_MASTER_KEYS: %w", err)
	}
	return privacy.NewVault(pool, wrapper, privacy.Options{Forget: orders.Forget}), nil
}

// openContacts returns the index of contacts, nil without its keys, and what fills it, nil also without master keys.
func openContacts(pool *pgxpool.Pool, cfg config.Privacy) (*privacy.Index, *privacy.Contacts, error) {
	if len(cfg.IndexKeys) == 0 {
		return nil, nil, nil
	}
	keys := make([]privacy.IndexKey, len(cfg.IndexKeys))
	for i, k := range cfg.IndexKeys {
		keys[i] = privacy.IndexKey(k)
	}
	index, err := privacy.NewIndex(keys...)
	if err != nil {
		return nil, nil, fmt.Errorf("read ORDERLOOM_INDEX_KEYS: %w", err)
	}
	if len(cfg.MasterKeys) == 0 {
		return index, nil, nil
	}
	vault, err := openVault(pool, cfg)
	if err != nil {
		return nil, nil, err
	}
	return index, privacy.NewContacts(vault, index), nil
}

// projections returns the views of the platform. Without contacts they leave orders out of the index, and without
// figures they count nothing.
func projections(contacts *privacy.Contacts, counted *figures.Figures) []projector.Projection {
	o := views.Options{Figures: counted}
	if contacts != nil {
		o.Contacts = contacts
	}
	return views.With(o)
}

// contactIndex is the index as the API asks it; nil without.
func (p *platform) contactIndex() api.ContactIndex {
	if p.index == nil {
		return nil
	}
	return p.index
}

// contactsEvery is how often the orders that are left out of the index are counted.
const contactsEvery = 30 * time.Second

// countContacts returns what keeps orderloom_contacts_unindexed up to date, and says once when this process indexes
// nothing. The count is the database's, and so the same in every process.
func (p *platform) countContacts() func(context.Context) error {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "orderloom_contacts_unindexed",
		Help: "Orders that no search for an email address or phone number finds, because the projector could not open them. NaN until it is known.",
	})
	gauge.Set(math.NaN())
	p.tel.Registry.MustRegister(gauge)
	return func(ctx context.Context) error {
		if p.contacts == nil {
			p.tel.Logger.WarnContext(ctx, "this projector indexes no contacts: that takes ORDERLOOM_INDEX_KEYS and ORDERLOOM_MASTER_KEYS")
		}
		for ctx.Err() == nil {
			if n, err := readmodel.UnindexedContacts(ctx, p.pool); err == nil {
				gauge.Set(float64(n))
			} else if ctx.Err() == nil {
				gauge.Set(math.NaN())
				p.tel.Logger.WarnContext(ctx, "the contacts that are not indexed could not be counted, trying again", "error", err)
			}
			_ = backoff.Pause(ctx, contactsEvery) // the loop looks whether ctx has ended
		}
		return nil
	}
}
