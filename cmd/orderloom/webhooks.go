package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/spf13/cobra"
)

func (p *program) webhooksCommand() *cobra.Command {
	return group("webhooks", "List, disable and catch up webhook endpoints, or receive webhooks while developing",
		p.webhooksListCommand(), p.webhooksDisableCommand(), p.webhooksResendCommand(), p.webhooksListenCommand())
}

func (p *program) webhooksListCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "list",
		Short: "List the webhook endpoints of all accounts",
		Long: `List the webhook endpoints of all accounts, the newest first, with what is wrong with each. Of an address only the host
is shown, since the rest may be a secret.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			all, err := app.WebhookEndpoints(ctx, cfg, tel)
			if err != nil {
				return err
			}
			all = append([]webhooks.Endpoint{}, all...)
			for i := range all {
				all[i].URL = hostOf(all[i].URL)
			}
			return p.show(*output, map[string]any{"endpoints": all}, func(out io.Writer) error { return printEndpoints(out, all) })
		}),
	}
	output = outputFlag(c)
	return c
}

func printEndpoints(out io.Writer, all []webhooks.Endpoint) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "There is no webhook endpoint yet: accounts make them over the API.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ENDPOINT\tACCOUNT\tNAME\tHOST\tSTATE\tHELD\tDELIVERED\tLAST TAKEN\tLAST ERROR")
	for _, e := range all {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", e.EndpointID, e.Account, e.Name, e.URL, stateOf(e), e.Held, e.Delivered,
			whenever(e.SucceededAt), domain.Clip(e.LastError))
	}
	return w.Flush()
}

// hostOf is the host of an address, whose path may have a secret in it.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	return u.Host
}

func stateOf(e webhooks.Endpoint) string {
	switch {
	case e.DisabledAt != nil:
		return "disabled for " + e.DisabledFor
	case e.FailingSince != nil:
		return "failing since " + shortTime(*e.FailingSince)
	case e.Held > 0:
		return "behind"
	}
	return "well"
}

func (p *program) webhooksDisableCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "disable <endpoint-id>",
		Short: "Stop all that is sent to an endpoint",
		Long: `Stop all that is sent to an endpoint, of any account. What is due stays due: its account enables it again over the
API. It may be repeated.`,
		Args: idArgument("endpoint-id"),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
			id, err := parseID("<endpoint-id>", args[0])
			if err != nil {
				return err
			}
			e, err := app.DisableWebhooks(ctx, cfg, tel, id)
			if err != nil {
				return err
			}
			return p.say(*output, map[string]any{"endpoint_id": e.EndpointID, "account": e.Account, "disabled_at": e.DisabledAt},
				"Endpoint %s of account %s is disabled since %s.", e.EndpointID, e.Account, whenever(e.DisabledAt))
		}),
	}
	output = outputFlag(c)
	return c
}

func (p *program) webhooksResendCommand() *cobra.Command {
	var events []string
	var output *format
	r := webhooks.Resend{RequestID: uuid.New()}
	c := &cobra.Command{
		Use:   "resend <endpoint-id>",
		Short: "Send events to an endpoint again",
		Long: `Send events to an endpoint again: single ones, all between two cursors of the feed, or all that were given up. They
have the ids that they had. The workers send them; the command does not wait for that.`,
		Args: idArgument("endpoint-id"),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) (err error) {
			if r.EndpointID, err = parseID("<endpoint-id>", args[0]); err != nil {
				return err
			}
			for _, text := range events {
				id, err := parseID("--event", text)
				if err != nil {
					return usageError{err}
				}
				r.EventIDs = append(r.EventIDs, id)
			}
			if err := r.Check(); err != nil {
				return usageError{err}
			}
			if err := app.ResendWebhooks(ctx, cfg, tel, r); err != nil {
				return err
			}
			return p.say(*output, map[string]any{"endpoint_id": r.EndpointID, "request_id": r.RequestID}, "Endpoint %s is about to get them.", r.EndpointID)
		}),
	}
	c.Flags().StringSliceVar(&events, "event", nil, "the id of an event, or several with commas")
	c.Flags().StringVar(&r.From, "from-cursor", "", "send all that the endpoint gets after this place of the feed")
	c.Flags().StringVar(&r.Until, "until-cursor", "", "send up to this place; up to the endpoint's own place when it is left out")
	c.Flags().BoolVar(&r.Undelivered, "undelivered", false, "send all that were given up, and what is held back at once")
	output = outputFlag(c)
	return c
}

// listening is what "webhooks listen" is told.
type listening struct {
	forwardTo string
	types     []string
}

func (p *program) webhooksListenCommand() *cobra.Command {
	var l listening
	c := &cobra.Command{
		Use:   "listen",
		Short: "Receive webhooks on this machine, while developing",
		Long: `Follow the feed of events with a key, and send each event that comes to an address of this machine, as a webhook. It
prints the secret with which it signs. Nothing is tried again, and no endpoint is made.`,
		Args: arguments(),
		RunE: p.calls(func(ctx context.Context, api *client.Client, _ []string) error { return p.listen(ctx, api, l) }),
	}
	c.Flags().StringVar(&l.forwardTo, "forward-to", "", "where to send, such as http://localhost:3000/webhooks")
	c.Flags().StringSliceVar(&l.types, "type", nil, "a type of events, or several with commas; all when it is left out")
	_ = c.MarkFlagRequired("forward-to") // it is there
	return c
}

// listen forwards events until ctx ends.
func (p *program) listen(ctx context.Context, api *client.Client, l listening) error {
	if u, err := url.Parse(l.forwardTo); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return wrongUsage("--forward-to must be like http://localhost:3000/webhooks, got %q", l.forwardTo)
	}
	f := newForwarder(l.forwardTo, p.stdout)
	if _, err := fmt.Fprintf(p.stdout, "Signing with %s\nWaiting for events …\n", f.key.Text()); err != nil {
		return err
	}
	return follow(ctx, api.StreamEvents(ctx, client.EventQuery{Types: l.types}), func(e client.Event) error { return f.forward(ctx, e) })
}

// forwarder sends events to a developer's machine.
type forwarder struct {
	to       string
	key      webhooks.Key
	client   *http.Client
	previous map[uuid.UUID]uuid.UUID
	out      io.Writer
}

func newForwarder(to string, out io.Writer) *forwarder {
	return &forwarder{
		to: to, key: webhooks.NewKey(webhooks.V1), client: &http.Client{CheckRedirect: webhooks.NoRedirection},
		previous: map[uuid.UUID]uuid.UUID{}, out: out,
	}
}

// forward sends one event, and prints how it was answered. An answer that is none is no error: the developer sees it.
func (f *forwarder) forward(ctx context.Context, e client.Event) error {
	body, err := f.body(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, webhooks.RequestTimeout)
	defer cancel()
	now := time.Now()
	req, err := webhooks.NewRequest(ctx, f.to, e.EventID, now, []webhooks.Key{f.key}, body)
	if err != nil {
		return err
	}
	answer, err := f.client.Do(req)
	outcome := fmt.Sprint(err)
	if err == nil {
		outcome = answer.Status
		_ = answer.Body.Close()
	}
	_, err = fmt.Fprintf(f.out, "%s  %s  %s  %s\n", now.Format(time.TimeOnly), e.Type, e.EventID, outcome)
	return err
}

// body is that of a delivery in the version of the client, as an endpoint would get it that was made when listening
// began.
func (f *forwarder) body(e client.Event) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	var event feed.Event
	if err := json.Unmarshal(text, &event); err != nil {
		return nil, err
	}
	endpoint := webhooks.Endpoint{Name: "this machine", Payload: webhooks.Snapshot, PayloadVersion: client.APIVersion}
	order := webhooks.OrderOf(&event)
	if order == uuid.Nil {
		return webhooks.Body(&endpoint, event, uuid.Nil)
	}
	previous := f.previous[order]
	f.previous[order] = event.EventID
	return webhooks.Body(&endpoint, event, previous)
}
