package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

// attentionDefault is how much is listed.
const attentionDefault = 100

func (p *program) attentionCommand() *cobra.Command {
	return group("attention", "List, show, retry and resolve what waits for a person",
		p.attentionListCommand(), p.attentionShowCommand(), p.attentionRetryCommand(), p.attentionResolveCommand())
}

func (p *program) attentionListCommand() *cobra.Command {
	var limit int
	var cause string
	var output *format
	c := &cobra.Command{
		Use:   "list",
		Short: "List all that waits for a person, what has waited longest first",
		Long: `List all that waits for a person, what has waited longest first: orders by their causes, sagas that are gone or
keep failing, and parked aggregates. The sagas are those of the last look for them; "orderloom orphans list" looks now.`,
		Args: func(c *cobra.Command, args []string) error {
			if all := attention.AllCauses(); cause != "" && !slices.Contains(all, attention.Cause(cause)) {
				return fmt.Errorf("%s: --cause must be one of %s, got %q", c.CommandPath(), joined(all), cause)
			}
			return listArguments(&limit)(c, args)
		},
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			waiting, more, err := listAttention(ctx, m, attention.Cause(cause), limit)
			if err != nil {
				return err
			}
			return p.show(*output, map[string]any{"attention": waiting, "more": more}, func(out io.Writer) error {
				return printAttention(out, waiting, more)
			})
		}),
	}
	c.Flags().IntVar(&limit, "limit", attentionDefault, "the most that is listed")
	c.Flags().StringVar(&cause, "cause", "", "list what waits because of this cause only")
	output = outputFlag(c)
	return c
}

// listAttention returns what waits, at most limit of it, and whether there is more.
func listAttention(ctx context.Context, m *app.Maintenance, cause attention.Cause, limit int) (all []app.Waiting, more bool, err error) {
	all = []app.Waiting{}
	q := app.AttentionQuery{Cause: cause}
	for {
		q.Limit = min(limit-len(all), app.AttentionPageMax)
		page, err := m.Attention(ctx, q)
		if err != nil {
			return nil, false, err
		}
		all, q.Cursor = append(all, page.Items...), page.NextCursor
		if q.Cursor == "" || len(all) == limit {
			return all, q.Cursor != "", nil
		}
	}
}

func (p *program) attentionShowCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "show <attention-id>",
		Short: "Show one thing that waits, and what to do",
		Args:  idArgument("attention-id"),
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, args []string) error {
			w, err := findAttention(ctx, m, uuid.MustParse(args[0]))
			if err != nil {
				return err
			}
			return p.show(*output, w, func(out io.Writer) error { return printWaiting(out, w) })
		}),
	}
	output = outputFlag(c)
	return c
}

func (p *program) attentionRetryCommand() *cobra.Command {
	var orderID string
	var output *format
	c := &cobra.Command{
		Use:   "retry <attention-id>",
		Short: "Ask the gateway once more, as the API's route does",
		Long: `Ask the gateway once more for a void or a capture that it refuses or a refund that failed, as the API's route does. A
shipment whose money is captured leaves, as it was reported. It may be repeated: the gateway is asked once for each
attempt that has failed.`,
		Args: attentionOf(&orderID),
		RunE: p.attends(attention.ActionRetry, &orderID, &output, func(ctx context.Context, c *client.Client, w app.Waiting) (client.Attended, error) {
			return c.RetryAttention(ctx, w.OrderID, w.AttentionID)
		}),
	}
	orderFlag(c, &orderID)
	output = outputFlag(c)
	return c
}

func (p *program) attentionResolveCommand() *cobra.Command {
	var orderID string
	var r client.Resolution
	var output *format
	c := &cobra.Command{
		Use:   "resolve <attention-id> --amount <decimal> --reference <where>",
		Short: "Record how it was settled outside, as the API's route does",
		Long: `Record how a void that the gateway refuses or a refund that failed was settled outside, as the API's route does. No
gateway is asked. It may be repeated with the same amount and reference.`,
		Args: attentionOf(&orderID),
		RunE: p.attends(attention.ActionResolve, &orderID, &output, func(ctx context.Context, c *client.Client, w app.Waiting) (client.Attended, error) {
			if r.Currency == "" && w.Amount != nil {
				r.Currency = w.Amount.Currency
			}
			return c.ResolveAttention(ctx, w.OrderID, w.AttentionID, r)
		}),
	}
	orderFlag(c, &orderID)
	output = outputFlag(c)
	c.Flags().StringVar(&r.Amount, "amount", "", "what went back to the customer or was let go, such as 5.00; it may be 0")
	c.Flags().StringVar(&r.Currency, "currency", "", "the currency of the amount; that of what waits when it is left out")
	c.Flags().StringVar(&r.Reference, "reference", "", "where that is found, such as the number of a bank transfer")
	for _, required := range []string{"amount", "reference"} {
		_ = c.MarkFlagRequired(required) // it is there
	}
	return c
}

// attends returns the action of a command that carries out what a person has decided, by the API's own routes.
func (p *program) attends(
	action attention.Action, orderID *string, output **format, decide func(context.Context, *client.Client, app.Waiting) (client.Attended, error),
) action {
	return p.runsWith(config.RoleAPI, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
		return app.WithAPI(ctx, cfg, tel, func(c *client.Client, list app.AttentionList) error {
			id := uuid.MustParse(args[0])
			w, err := findAttention(ctx, list, id)
			if *orderID != "" && domain.Code(err) == domain.CodeNotFound { // the API knows what has become of it
				w, err = app.Waiting{OrderID: uuid.MustParse(*orderID)}, nil
				w.AttentionID = id
			}
			if err != nil {
				return err
			}
			if help := elsewhere(w); help != "" {
				return domain.Refuse(attention.CodeNotPossible, "what waits because of %s is no affair of the gateway: %s", w.Cause, help)
			}
			if w.Cause != "" { // otherwise it does not wait any more
				if err := w.Allows(action); err != nil {
					return err
				}
			}
			done, err := decide(ctx, c, w)
			if err != nil {
				return problemOf(err)
			}
			return p.showAttended(**output, w, done)
		})
	})
}

// attentionOf checks the argument <attention-id> and the flag --order.
func attentionOf(orderID *string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if *orderID != "" {
			if _, err := parseID("--order", *orderID); err != nil {
				return about(c, err)
			}
		}
		return idArgument("attention-id")(c, args)
	}
}

func orderFlag(c *cobra.Command, orderID *string) {
	c.Flags().StringVar(orderID, "order", "", "the id of the order, to ask about what does not wait any more")
}

// findAttention returns one thing that waits. Error: not_found.
func findAttention(ctx context.Context, list app.AttentionList, id uuid.UUID) (w app.Waiting, err error) {
	page, err := list.Attention(ctx, app.AttentionQuery{AttentionID: id})
	if err == nil && len(page.Items) == 0 {
		err = domain.Refuse(domain.CodeNotFound, "nothing waits for a person under %s", id)
	}
	if err != nil {
		return w, err
	}
	return page.Items[0], nil
}

// problemOf returns what the API says is wrong, in words for the command line.
func problemOf(err error) error {
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Code == "" { // something before the API has answered
		return err
	}
	words := cmp.Or(problem.Detail, problem.Title)
	for _, e := range problem.Errors {
		words += fmt.Sprintf("; %s %s", e.Field, e.Message)
	}
	if problem.Status == http.StatusUnauthorized {
		words += ": see ORDERLOOM_KEY"
	}
	return &domain.Error{Code: domain.ErrorCode(problem.Code), Message: words, Err: problem}
}

// printAttention writes a table of what waits.
func printAttention(out io.Writer, waiting []app.Waiting, more bool) error {
	if len(waiting) == 0 {
		_, err := fmt.Fprintln(out, "Nothing waits for a person.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "CAUSE\tOF\tSINCE\tAMOUNT\tTRIED\tACTIONS\tID\tDETAIL")
	for _, item := range waiting {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", item.Cause, subjectOf(item), item.Since.Format(time.RFC3339), amountOf(item), item.Attempts,
			joined(item.Actions), item.AttentionID, oneLine(item.Detail))
	}
	if err := w.Flush(); err != nil || !more {
		return err
	}
	_, err := fmt.Fprintf(out, "Only the first %d are listed: there are more. See --limit and --cause.\n", len(waiting))
	return err
}

// subjectOf names what something waits at, in one column.
func subjectOf(w app.Waiting) string {
	switch {
	case w.Parked != nil:
		return fmt.Sprintf("%s %s/%s", w.Parked.Projection, w.Parked.AggregateType, w.Parked.AggregateID)
	case w.OrderNumber != "":
		return w.OrderNumber
	case w.WorkflowID != "":
		return w.WorkflowID
	default:
		return w.OrderID.String()
	}
}

// printWaiting writes all of one thing that waits.
func printWaiting(out io.Writer, item app.Waiting) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" && value != uuid.Nil.String() {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	line("id", item.AttentionID.String())
	line("cause", string(item.Cause))
	line("since", item.Since.Format(time.RFC3339))
	line("order", strings.TrimSpace(item.OrderNumber+" "+string(item.OrderStatus)))
	line("order id", item.OrderID.String())
	line("payment id", item.PaymentID.String())
	line("refund id", item.RefundID.String())
	line("shipment id", item.ShipmentID.String())
	line("gateway", item.GatewayRef)
	line("workflow id", item.WorkflowID)
	line("run id", item.RunID)
	if s := item.Parked; s != nil {
		line("projection", s.Projection)
		line("stream", s.AggregateType+" "+s.AggregateID.String())
		line("event", fmt.Sprintf("%s, version %d", s.EventType, s.Version))
	}
	line("amount", amountOf(item))
	if item.Attempts > 0 {
		line("tried", fmt.Sprint(item.Attempts))
	}
	line("detail", oneLine(item.Detail))
	line("actions", joined(item.Actions))
	if err := w.Flush(); err != nil {
		return err
	}
	for _, command := range commandsFor(item) {
		_, _ = fmt.Fprintf(out, "  %s\n", command)
	}
	return nil
}

// commandsFor are the commands that carry out the actions, as far as commands do.
func commandsFor(w app.Waiting) (commands []string) {
	for _, a := range w.Actions {
		switch a {
		case attention.ActionRetry:
			commands = append(commands, "orderloom attention retry "+w.AttentionID.String())
		case attention.ActionResolve:
			commands = append(commands, fmt.Sprintf("orderloom attention resolve %s --amount %s --reference <where>", w.AttentionID, plainAmount(w)))
		case attention.ActionReconcile:
			commands = append(commands, "orderloom reconcile --order "+w.OrderID.String())
		case attention.ActionResume, attention.ActionInspect, attention.ActionRetryParked:
			commands = append(commands, elsewhere(w))
		}
	}
	return commands
}

// elsewhere is the command against a cause that is no fact of an order; empty for the others.
func elsewhere(w app.Waiting) string {
	switch {
	case w.Cause == attention.CauseOrphanedSaga:
		return "orderloom orphans resume " + w.OrderID.String()
	case w.Cause == attention.CauseFailingSaga:
		return "temporal workflow describe --workflow-id " + w.WorkflowID
	case w.Parked != nil:
		return fmt.Sprintf("orderloom parked retry %s %s", w.Parked.Projection, w.Parked.AggregateID)
	default:
		return ""
	}
}

// showAttended says what became of a decision.
func (p *program) showAttended(output format, w app.Waiting, done client.Attended) error {
	what := "it does not wait any more"
	switch {
	case done.Pending:
		what = "under way: the order shows what becomes of it"
	case done.Replayed:
		what = "it was done before, and does not wait any more"
	}
	value := map[string]any{"attention_id": w.AttentionID, "order_id": w.OrderID, "pending": done.Pending, "replayed": done.Replayed}
	return p.say(output, value, "%s of order %s: %s", w.AttentionID, subjectOf(w), what)
}

func amountOf(item app.Waiting) string {
	if item.Amount == nil {
		return ""
	}
	return item.Amount.String()
}

func plainAmount(w app.Waiting) string {
	if w.Amount == nil {
		return "0"
	}
	return w.Amount.Amount.String()
}

func joined[S ~string](words []S) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return strings.Join(all, ", ")
}

// oneLine keeps a reason within its row.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
