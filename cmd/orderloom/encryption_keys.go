package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/keyring"
	"github.com/spf13/cobra"
)

func (p *program) encryptionKeysCommand() *cobra.Command {
	return group("encryption-keys", "List the encryption keys that are in use, and retire them", p.encryptionKeysListCommand(), p.encryptionKeysRetireCommand())
}

func (p *program) encryptionKeysListCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "list",
		Short: "List the encryption keys that processes have had",
		Long:  "List the encryption keys that processes have had, by what they are for. It shows ids and times, and no key.",
		Args:  arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			keys, err := app.EncryptionKeys(ctx, cfg, tel)
			if err != nil {
				return err
			}
			return p.show(*output, map[string]any{"keys": keys}, func(out io.Writer) error { return printEncryptionKeys(out, keys) })
		}),
	}
	output = outputFlag(c)
	return c
}

func printEncryptionKeys(out io.Writer, keys []keyring.Entry) error {
	if len(keys) == 0 {
		_, err := fmt.Fprintln(out, "No process has had an encryption key yet.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PURPOSE\tKEY\tFIRST SEEN\tFIRST USED\tRETIRED")
	for _, k := range keys {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.Purpose, k.ID, shortTime(k.SeenAt), shortTime(k.FirstUsedAt), shortTime(k.RetiredAt))
	}
	return w.Flush()
}

// shortTime is a time for a table, and "-" for none.
func shortTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func (p *program) encryptionKeysRetireCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "retire <master|payload|index> <id>",
		Short: "Record that nothing needs a key any more, so that processes may start without it",
		Long: `Record that nothing needs a key any more, so that processes may start without it. docs/encryption.md says when that
is so. A master key that still wraps the key of a customer is refused, and so is an index key that contacts are found
by. So is the payload key that came into use last, and one that open orders may need. It may be repeated. A process
that encrypts with the key takes it back into use.`,
		Args: arguments("master|payload|index", "id"),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
			purpose := keyring.Purpose(args[0])
			if !slices.Contains(keyring.Purposes, purpose) {
				return wrongUsage("%q is no purpose of a key: master, payload or index", args[0])
			}
			if err := app.RetireEncryptionKey(ctx, cfg, tel, purpose, args[1]); err != nil {
				return err
			}
			return p.say(*output, map[string]any{"purpose": purpose, "id": args[1], "retired": true},
				"The %s key %s is retired. Processes may start without it.", purpose, args[1])
		}),
	}
	output = outputFlag(c)
	return c
}
