package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/orderloom/orderloom/client"
)

// Options says where and for whom to play.
type Options struct {
	// APIURL is where the API is, such as http://127.0.0.1:8080.
	APIURL string
	// APIKey goes with every request; empty for none.
	APIKey string
	// SagaURL gives the address of an order's saga in Temporal's Web UI; nil for none.
	SagaURL func(orderID string) string
	// Out is where people read.
	Out io.Writer
	// Colour marks up what is printed for a terminal.
	Colour bool
}

// Report is how the samples ended.
type Report struct {
	// Orders are the sample orders by their names.
	Orders map[string]client.Order
	// Took is how long it all took.
	Took        time.Duration
	differences []string
}

// AsItShould reports whether every order ended as it should.
func (r Report) AsItShould() bool { return len(r.differences) == 0 }

// Differences returns what did not end as it should, a line each.
func (r Report) Differences() string { return strings.Join(r.differences, "\n") }

// requestTimeout bounds one request.
const requestTimeout = 15 * time.Second

// Play receives stock, places the sample orders, plays the warehouse, the carrier and the customers, and prints each
// order's timeline. An error means that it could not go on. Orders that ended differently than they should are in the
// report.
func Play(ctx context.Context, opts Options) (Report, error) {
	begun := time.Now()
	api, err := opts.client()
	if err != nil {
		return Report{}, err
	}
	locations, err := activeLocations(ctx, api)
	if err != nil {
		return Report{}, err
	}
	p := printer{out: opts.Out, colour: opts.Colour, sagaURL: opts.SagaURL}
	c := cast{run: strings.ToLower(rand.Text()[:5]), here: locations[0], elsewhere: locations[1]}
	report := Report{Orders: map[string]client.Order{}}
	for number, sample := range c.samples() {
		p.title(number+1, sample)
		done, err := sample.play(ctx, api, c.run)
		if err != nil {
			return report, fmt.Errorf("sample order %q: %w", sample.name, err)
		}
		p.result(done)
		report.Orders[sample.name] = done.order
		for _, difference := range done.differences {
			report.differences = append(report.differences, sample.name+": "+difference)
		}
	}
	report.Took = time.Since(begun)
	return report, nil
}

// activeLocations returns at least two locations that take reservations. They may be others than those of the settings,
// which are used at the first start alone.
func activeLocations(ctx context.Context, api *client.Client) (ids []string, err error) {
	var all client.Locations
	// A worker that has just started makes those of the settings, once it knows that its event store is complete.
	err = poll(ctx, func(ctx context.Context) (bool, error) {
		var err error
		all, err = api.ListLocations(ctx)
		return len(all.Locations) > 0, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the locations: %w", err)
	}
	for _, l := range all.Locations {
		if l.Active {
			ids = append(ids, l.ID)
		}
	}
	if len(ids) < 2 {
		return nil, fmt.Errorf("the sample orders need two active locations, and there are %d: add one with POST /api/v1/locations", len(ids))
	}
	return ids, nil
}

func (o Options) client() (*client.Client, error) {
	return client.New(o.APIURL, client.WithAPIKey(o.APIKey), client.WithHTTPClient(&http.Client{Timeout: requestTimeout}))
}

// play takes one sample from its stock to its end.
func (p sample) play(ctx context.Context, c *client.Client, run string) (result, error) {
	for _, d := range p.stock {
		receipt := client.Receipt{SKU: d.sku, Location: d.location, Quantity: d.quantity}
		if _, err := c.ReceiveStock(ctx, receipt, client.IdempotencyKey("receipt-"+d.sku+"-"+d.location)); err != nil {
			return result{}, fmt.Errorf("receive stock: %w", err)
		}
	}
	placed, err := c.PlaceOrder(ctx, p.order, client.IdempotencyKey("sample-"+run+"-"+p.order.CustomerID))
	if err != nil {
		return result{}, fmt.Errorf("place it: %w", err)
	}
	if p.then != nil {
		if err := p.then(ctx, c, placed); err != nil {
			ended := p.check(ctx, c, placed)
			ended.differ("%v", err)
			return ended, nil
		}
	}
	return p.check(ctx, c, placed), nil
}

// earlierMax is how many earlier orders are listed.
const earlierMax = 20

// Earlier lists the newest orders that are there already.
func Earlier(ctx context.Context, opts Options) error {
	api, err := opts.client()
	if err != nil {
		return err
	}
	page, err := api.ListOrders(ctx, client.OrderQuery{Limit: earlierMax})
	if err != nil {
		return fmt.Errorf("list earlier orders: %w", err)
	}
	p := printer{out: opts.Out, colour: opts.Colour, sagaURL: opts.SagaURL}
	p.earlier(page.Orders)
	return nil
}
