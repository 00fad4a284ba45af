package app

import (
	"context"
	"fmt"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/webhooks"
)

func webhookRules(cfg config.Webhooks) webhooks.Rules {
	return webhooks.Rules{Private: cfg.Private, Versions: api.PayloadVersions(api.Versions)}
}

// endpoints keeps where accounts are told of events.
func (p *platform) endpoints() *webhooks.Table {
	return webhooks.NewTable(p.pool, p.vault, webhookRules(p.cfg.Webhooks))
}

// dispatcher delivers to the endpoints of which this process has its share.
func (p *platform) dispatcher() *webhooks.Dispatcher {
	o := webhooks.Options{
		DB: p.pool, Feed: feed.New(p.store, p.vault, p.tel.Logger), Vault: p.vault, Rules: webhookRules(p.cfg.Webhooks),
		Retention: p.cfg.Webhooks.LogRetention, Logger: p.tel.Logger, Registerer: p.tel.Registry,
	}
	if text := p.cfg.Webhooks.ProxyURL; text != "" {
		o.Proxy, _ = url.Parse(text) // the settings have read it before
	}
	return webhooks.NewDispatcher(o)
}

// withEndpoints calls f with the endpoints of a database that fits this program. An action is recorded in the audit
// before it is carried out; an empty one is not.
func withEndpoints(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, action, subject string, f func(endpointTool) error) error {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := recordCommand(ctx, pool, cfg, tel, action, subject); err != nil {
		return err
	}
	vault, err := openVault(pool, cfg.Privacy)
	if err != nil {
		return err
	}
	return f(endpointTool{webhooks.NewTable(pool, vault, webhookRules(cfg.Webhooks)), pool, vault})
}

// endpointTool is what a command has that is about endpoints.
type endpointTool struct {
	*webhooks.Table
	pool  *pgxpool.Pool
	vault *privacy.Vault
}

// WebhookEndpoints returns the webhook endpoints of all accounts, the newest first.
func WebhookEndpoints(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) (all []webhooks.Endpoint, err error) {
	err = withEndpoints(ctx, cfg, tel, "", "", func(t endpointTool) (err error) {
		all, err = t.All(ctx)
		return err
	})
	return all, err
}

// DisableWebhooks stops what is sent to an endpoint of any account. It may be repeated. Error: not_found.
func DisableWebhooks(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, id uuid.UUID) (e webhooks.Endpoint, err error) {
	err = withEndpoints(ctx, cfg, tel, "webhooks disable", id.String(), func(t endpointTool) (err error) {
		e, err = t.Disable(ctx, webhooks.AnyAccount, id)
		return err
	})
	return e, err
}

// ResendWebhooks sends events to an endpoint of any account again. Errors: as [webhooks.Table.Resend], and
// as [webhooks.Resend.CheckEvents].
func ResendWebhooks(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, r webhooks.Resend) error {
	return withEndpoints(ctx, cfg, tel, "webhooks resend", r.EndpointID.String(), func(t endpointTool) error {
		e, err := t.Get(ctx, webhooks.AnyAccount, r.EndpointID)
		if err != nil {
			return err
		}
		store, err := eventstore.Open(ctx, t.pool, eventstore.Options{Logger: tel.Logger})
		if err != nil {
			return err
		}
		defer func() { _ = store.Close(ctx) }() // nothing was appended
		if err := r.CheckEvents(ctx, &e, feed.New(store, t.vault, tel.Logger)); err != nil {
			return err
		}
		return t.Resend(ctx, webhooks.AnyAccount, r)
	})
}

// webhooksWell tells how many endpoints there are, and complains of those that the platform has disabled or will.
func (p *patient) webhooksWell(ctx context.Context) (string, error) {
	s, err := webhooks.NewTable(p.pool, nil, webhooks.Rules{}).States(ctx)
	if err != nil {
		return "", err
	}
	if s.Disabled+s.Warned > 0 {
		return "", doctor.Fault{
			What:   fmt.Sprintf("%d endpoints were disabled because they took nothing, and %d will be", s.Disabled, s.Warned),
			Remedy: `"orderloom webhooks list" shows each, with its last error: tell whom it belongs to (docs/webhooks.md)`, Minor: true,
		}
	}
	return s.String(), nil
}
