package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) keysCommand() *cobra.Command {
	return group("keys", "Make, list, rotate and revoke the keys of the API",
		p.keysCreateCommand(), p.keysListCommand(), p.keysRotateCommand(), p.keysRevokeCommand(), p.keysVersionCommand(),
		p.keysSubjectCommand())
}

func (p *program) keysCreateCommand() *cobra.Command {
	var k access.NewKey
	var role, publicKey string
	var scopes []string
	var expires time.Duration
	var output *format
	c := &cobra.Command{
		Use:   "create",
		Short: "Make a key of the API",
		Long: `Make a key of the API. Its secret is printed this once: only a hash of it is kept. docs/access.md tells the roles
and scopes. Orders and Idempotency-Keys belong to the account, and so outlive each of its keys.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			k.Role = access.Role(role)
			for _, s := range scopes {
				k.Scopes = append(k.Scopes, access.Scope(s))
			}
			if publicKey != "" {
				pem, err := os.ReadFile(publicKey) //nolint:gosec // whoever runs the command names it
				if err != nil {
					return wrongUsage("--public-key: %w", err)
				}
				k.PublicKey = string(pem)
			}
			if expires > 0 {
				k.ExpiresAt = time.Now().Add(expires)
			}
			made, secret, err := app.CreateKey(ctx, cfg, tel, k)
			if err != nil {
				return err
			}
			return p.showSecret(*output, made, secret)
		}),
	}
	c.Flags().StringVar(&k.Account, "account", "", "whom the key belongs to, such as shop")
	c.Flags().StringVar(&k.Name, "name", "", "what the key is for, in words")
	c.Flags().StringVar(&role, "role", "", "storefront, customer, support, warehouse, finance, admin or metrics")
	c.Flags().StringVar(&publicKey, "public-key", "", "for the role customer: the PEM file of the Ed25519 key by which the shop's tokens are checked")
	c.Flags().StringSliceVar(&scopes, "scope", nil, "a scope, or several with commas, instead of those of the role")
	c.Flags().StringSliceVar(&k.Channels, "channel", nil, "a channel, or several with commas, whose orders alone the key places and sees")
	c.Flags().DurationVar(&expires, "expires-in", 0, "after how long the key ends by itself, such as 2160h; never when it is left out")
	c.Flags().StringVar(&k.APIVersion, "api-version", "", "the version of the API that the key gets; the newest when it is left out")
	output = outputFlag(c)
	for _, required := range []string{"account", "name", "role"} {
		_ = c.MarkFlagRequired(required) // it is there
	}
	return c
}

// madeKey is a key with its secret, as programs get it this once.
type madeKey struct {
	access.Key
	Secret string `json:"secret,omitempty"`
}

// showSecret prints a key with its secret.
func (p *program) showSecret(output format, k access.Key, secret string) error {
	return p.show(output, madeKey{k, secret}, func(out io.Writer) error { return printSecret(out, k, secret) })
}

// printSecret prints the secret of a key by itself, so that a script can take it, and what people should know before.
func printSecret(out io.Writer, k access.Key, secret string) error {
	if secret == "" {
		_, err := fmt.Fprintf(out, "Key %s of account %s: the shop signs tokens of its customers with it, under this id as kid.\n", k.KeyID, k.Account)
		return err
	}
	_, err := fmt.Fprintf(out, "Key %s of account %s, %s: %s\nThis is shown once, and is kept nowhere:\n%s\n",
		k.KeyID, k.Account, k.Role, joined(k.Scopes), secret)
	return err
}

func (p *program) keysListCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "list",
		Short: "List the keys of the API",
		Long:  "List the keys of the API, the newest first, with those that were revoked. It shows no secret but its end.",
		Args:  arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			keys, err := app.Keys(ctx, cfg, tel)
			if err != nil {
				return err
			}
			return p.show(*output, map[string]any{"keys": keys}, func(out io.Writer) error { return printKeys(out, keys) })
		}),
	}
	output = outputFlag(c)
	return c
}

func printKeys(out io.Writer, keys []access.Key) error {
	if len(keys) == 0 {
		_, err := fmt.Fprintln(out, "There is no key yet: \"orderloom keys create\" makes one.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "KEY\tENDS IN\tACCOUNT\tROLE\tCHANNELS\tVERSION\tNAME\tEXPIRES\tLAST USED\tREVOKED")
	for _, k := range keys {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.KeyID, k.Hint, k.Account, k.Role, strings.Join(k.Channels, ","), k.APIVersion, k.Name,
			whenever(k.ExpiresAt), whenever(k.LastUsedAt), whenever(k.RevokedAt))
	}
	return w.Flush()
}

func whenever(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return shortTime(*t)
}

func (p *program) keysRotateCommand() *cobra.Command {
	var overlap time.Duration
	var output *format
	c := &cobra.Command{
		Use:   "rotate <key-id>",
		Short: "Give a key another secret",
		Long: `Give a key another secret, which is printed this once. All else of the key stays. The former secret holds for a while
(ORDERLOOM_KEY_OVERLAP, or --overlap), so that it can be replaced without haste. --overlap 0s ends it at once.`,
		Args: idArgument("key-id"),
	}
	c.Flags().DurationVar(&overlap, "overlap", 0, "how long the former secret still holds, such as 1h")
	output = outputFlag(c)
	c.RunE = p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
		if !c.Flags().Changed("overlap") {
			overlap = cfg.HTTP.Access.KeyOverlap
		}
		id, err := parseID("<key-id>", args[0])
		if err != nil {
			return err
		}
		k, secret, err := app.RotateKey(ctx, cfg, tel, id, overlap)
		if err != nil {
			return err
		}
		return p.showSecret(*output, k, secret)
	})
	return c
}

func (p *program) keysRevokeCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "revoke <key-id>",
		Short: "End a key for good",
		Long:  "End a key for good, with all its secrets. Every process refuses it within a second. It may be repeated.",
		Args:  idArgument("key-id"),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
			id, err := parseID("<key-id>", args[0])
			if err != nil {
				return err
			}
			k, err := app.RevokeKey(ctx, cfg, tel, id)
			if err != nil {
				return err
			}
			return p.say(*output, k, "Key %s of account %s is revoked since %s.", k.KeyID, k.Account, whenever(k.RevokedAt))
		}),
	}
	output = outputFlag(c)
	return c
}

func (p *program) keysVersionCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "version <key-id> <version>",
		Short: "Give a key another version of the API",
		Long: `Give a key the version of the API that it gets where a request names none, such as 2026-11-27. A key has the newest
of the day when it was made. docs/versions.md tells what each version has changed. It may be repeated.`,
		Args: arguments("key-id", "version"),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
			id, err := parseID("<key-id>", args[0])
			if err != nil {
				return err
			}
			k, err := app.PinKey(ctx, cfg, tel, id, args[1])
			if err != nil {
				return err
			}
			return p.say(*output, k, "Key %s of account %s has version %s.", k.KeyID, k.Account, k.APIVersion)
		}),
	}
	output = outputFlag(c)
	return c
}

func (p *program) keysSubjectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "subject <sub>",
		Short: "Tell how a person of the trusted issuer stands in events",
		Long: `Tell how a person of ORDERLOOM_OIDC_ISSUER stands in events and in the audit. Those hold a MAC of the subject that
the issuer has for them, under the first of ORDERLOOM_INDEX_KEYS, because a subject may be an email address.`,
		Args: arguments("sub"),
		RunE: p.runs(func(_ context.Context, args []string) error {
			cfg, err := config.Load(p.lookup)
			if err != nil {
				return usageError{err}
			}
			if cfg.HTTP.Access.Issuer.URL == "" {
				return wrongUsage("ORDERLOOM_OIDC_ISSUER is not set")
			}
			_, err = fmt.Fprintln(p.stdout, app.Subject(cfg, args[0]))
			return err
		}),
	}
}
