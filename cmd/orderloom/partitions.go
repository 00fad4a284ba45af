package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) partitionsCommand() *cobra.Command {
	var maintained *format
	maintain := &cobra.Command{
		Use:   "maintain",
		Short: "Index full partitions, and drop months of the audit beyond its retention",
		Long: `Index full partitions of the event store, and drop months of the audit beyond ORDERLOOM_AUDIT_RETENTION. The processes
do both by themselves where they own the schema. Where they have a role of their own, run this every hour as the owner.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			p.does("indexing full partitions")
			indexed, err := app.MaintainPartitions(ctx, cfg, tel)
			if err != nil {
				return err
			}
			return p.say(*maintained, map[string]any{"indexed": indexed}, "%d partitions were indexed.", indexed)
		}),
	}
	maintained = outputFlag(maintain)
	return group("partitions", "List the partitions of the event store; look after them; detach the oldest, take it back",
		p.partitionsOf("list", "List the partitions", app.ListPartitions),
		maintain,
		p.partitionsOf("archive", "Detach the oldest full partition, and list what is left", app.ArchivePartition),
		p.partitionsOf("unarchive", "Take the newest archived partition back, and list all", app.UnarchivePartition),
	)
}

// partitionsOf returns a command that does something about the partitions, and lists them.
func (p *program) partitionsOf(
	action, short string, do func(context.Context, config.Config, *telemetry.Telemetry) ([]app.Partition, error),
) *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   action,
		Short: short,
		Args:  arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			p.does("looking after the partitions")
			all, err := do(ctx, cfg, tel)
			if err != nil {
				return err
			}
			return p.show(*output, map[string]any{"partitions": all}, func(out io.Writer) error { return printPartitions(out, all) })
		}),
	}
	output = outputFlag(c)
	return c
}

func printPartitions(out io.Writer, all []app.Partition) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PARTITION\tFROM\tBELOW\tINDEXED\tARCHIVED")
	for _, p := range all {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", p.Name, p.From, p.To, shortTime(p.IndexedAt), shortTime(p.ArchivedAt))
	}
	return w.Flush()
}
