package app

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
)

// authenticator tells who calls the API; nil where everyone may. An API that only this process reaches has no keys but
// those of the settings.
func (p *platform) authenticator(ctx context.Context, o Options) httpx.Authenticator {
	cfg := p.cfg.HTTP.Access
	if cfg.Open != config.OpenNo && !o.own {
		return nil
	}
	options := keysOptions(cfg)
	options.Logger = p.tel.Logger
	if !o.own {
		options.Connect = func(ctx context.Context) (*pgx.Conn, error) {
			return pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig)
		}
	}
	p.keys = access.NewKeys(options)
	a := &access.Authenticator{Keys: p.keys}
	if issuer := issuerOptions(p.cfg); issuer.URL != "" && !o.own {
		a.Issuer = access.NewIssuer(ctx, issuer)
	}
	return a
}

func issuerOptions(cfg config.Config) access.IssuerOptions {
	i := cfg.HTTP.Access.Issuer
	o := access.IssuerOptions{URL: i.URL, Audience: i.Audience, RoleClaim: i.RoleClaim, Roles: i.Roles, Account: i.Account}
	if keys := cfg.Privacy.IndexKeys; len(keys) > 0 {
		o.Pepper = keys[0].Key
	}
	return o
}

// Subject is how a person of the trusted issuer stands in events and the audit.
func Subject(cfg config.Config, subject string) string {
	o := issuerOptions(cfg)
	return access.Subject(o.Pepper, o.URL, subject)
}

func keysOptions(cfg config.Access) access.KeysOptions {
	o := access.KeysOptions{Mode: cfg.Mode}
	for _, k := range cfg.Keys {
		o.Static = append(o.Static, access.StaticKey(k))
	}
	return o
}

// operator is who works with the platform's commands.
var operator = &access.Caller{ID: "command", Role: access.Admin, Scopes: access.Admin.Scopes()}

// withKeys calls f with the keys of a database that fits this program.
//
// Action and subject are for the audit, as [recordCommand] takes them.
func withKeys(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, action, subject string, f func(*access.Table) error) error {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := checkMode(ctx, pool, cfg.HTTP.Access.Mode); err != nil { // or the keys are of the wrong kind
		return err
	}
	if err := recordCommand(ctx, pool, cfg, tel, action, subject); err != nil {
		return err
	}
	return f(access.NewTable(pool, cfg.HTTP.Access.Mode))
}

// recordCommand records a privileged command before it is carried out. One that only shows something has an empty
// action, and is recorded nowhere.
func recordCommand(ctx context.Context, db access.DB, cfg config.Config, tel *telemetry.Telemetry, action, subject string) error {
	if action == "" {
		return nil
	}
	audit := access.NewAudit(db, cfg.HTTP.Access.AuditRetention, tel.Logger)
	if err := audit.Maintain(ctx); err != nil {
		return err
	}
	_, err := audit.Begin(ctx, access.AuditEntry{Actor: string(operator.Actor()), Action: action, Subject: subject})
	return err
}

// CreateKey makes a key of the API. Errors: as [access.Table.Create].
func CreateKey(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, k access.NewKey) (made access.Key, secret string, err error) {
	k.KeyID, k.By, k.At = uuid.New(), operator, time.Now()
	if k.APIVersion = cmp.Or(k.APIVersion, string(api.Versions.Newest())); !api.Versions.Knows(version.Version(k.APIVersion)) {
		return made, "", unknownVersion(k.APIVersion)
	}
	err = withKeys(ctx, cfg, tel, "keys create", k.KeyID.String(), func(t *access.Table) (err error) {
		made, secret, err = t.Create(ctx, k)
		return err
	})
	return made, secret, err
}

// Keys returns all keys of the API, the newest first.
func Keys(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) (keys []access.Key, err error) {
	err = withKeys(ctx, cfg, tel, "", "", func(t *access.Table) (err error) {
		keys, err = t.List(ctx)
		return err
	})
	return keys, err
}

// RotateKey gives a key another secret. Errors: as [access.Table.Rotate].
func RotateKey(
	ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, id uuid.UUID, overlap time.Duration,
) (k access.Key, secret string, err error) {
	err = withKeys(ctx, cfg, tel, "keys rotate", id.String(), func(t *access.Table) (err error) {
		k, secret, err = t.Rotate(ctx, access.Rotation{KeyID: id, RequestID: uuid.New(), Overlap: overlap, By: operator})
		return err
	})
	return k, secret, err
}

// RevokeKey ends a key for good. It may be repeated. Errors: not_found.
func RevokeKey(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, id uuid.UUID) (k access.Key, err error) {
	err = withKeys(ctx, cfg, tel, "keys revoke", id.String(), func(t *access.Table) (err error) {
		k, _, err = t.Revoke(ctx, id, operator)
		return err
	})
	return k, err
}

// PinKey gives a key another version of the API. It may be repeated. Errors: invalid; not_found; key_revoked.
func PinKey(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, id uuid.UUID, to string) (k access.Key, err error) {
	if !api.Versions.Knows(version.Version(to)) {
		return k, unknownVersion(to)
	}
	err = withKeys(ctx, cfg, tel, "keys version", id.String(), func(t *access.Table) (err error) {
		k, _, err = t.Pin(ctx, id, to, operator)
		return err
	})
	return k, err
}

func unknownVersion(text string) error {
	return domain.Invalid("api_version", "%q is no version of the API: %v", domain.Clip(text), api.Versions.Known())
}
