package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	orderloom "github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// verified is what "orderloom verify -o json" prints, as far as it is looked at.
type verified struct {
	Views struct {
		Streams int64 `json:"streams"`
		Events  int64 `json:"events"`
		Rows    int64 `json:"rows"`
		Behind  int64 `json:"behind"`
		Parked  int64 `json:"parked"`
		Wrong   int64 `json:"wrong"`
	} `json:"views"`
	Kafka *struct {
		Events   int64 `json:"events"`
		Repeated int64 `json:"repeated"`
		Expired  int64 `json:"expired"`
		Wrong    int64 `json:"wrong"`
	} `json:"kafka"`
}

func (s *soak) audit(ctx context.Context) error {
	s.options.Log("auditing %d orders after %d kills", s.report.Orders, s.report.Kills)
	for _, audit := range []func(context.Context) error{s.auditSagas, s.auditViews, s.auditOrders, s.auditMoney, s.auditStock} {
		if err := audit(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) fault(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(s.report.Faults) < faultsMax {
		s.report.Faults = append(s.report.Faults, text[:min(len(text), faultBytesMax)])
	}
}

// eventually repeats look until it answers true or fails, for at most [patience].
func eventually(ctx context.Context, look func(context.Context) (done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		done, err := look(ctx)
		if done || err != nil && ctx.Err() == nil {
			return err
		}
		if !pause(ctx, 10*retryEvery) {
			return errPatience
		}
	}
}

var errPatience = errors.New("patience is at its end")

// auditSagas demands that the saga of every order has completed.
func (s *soak) auditSagas(ctx context.Context) error {
	c, err := client.DialContext(ctx, client.Options{HostPort: s.stack.TemporalAddress, Namespace: namespace})
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	defer c.Close()
	for _, o := range s.books.orders {
		var status enums.WorkflowExecutionStatus
		err := eventually(ctx, func(ctx context.Context) (bool, error) {
			d, err := c.DescribeWorkflowExecution(ctx, workflows.OrderSagaID(o.id), "")
			status = d.GetWorkflowExecutionInfo().GetStatus()
			return status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING, err
		})
		if err != nil && !errors.Is(err, errPatience) {
			return fmt.Errorf("look at the saga of %s: %w", o.id, err)
		}
		if status != enums.WORKFLOW_EXECUTION_STATUS_COMPLETED {
			s.fault("order %s (%s): its saga is %s", o.id, o.story, status)
		}
	}
	return nil
}

// auditViews runs the product's own audit, as an operator does, once all views have caught up.
func (s *soak) auditViews(ctx context.Context) error {
	var out []byte
	err := eventually(ctx, func(ctx context.Context) (bool, error) {
		var different bool
		var err error
		out, different, err = s.verify(ctx)
		return different || s.report.Verified.Views.Behind == 0, err // a difference does not go away
	})
	v := s.report.Verified
	switch {
	case errors.Is(err, errPatience):
		s.fault("the views stay behind: %s", out)
	case err != nil:
		return err
	case v.Views.Wrong > 0 || v.Views.Parked > 0 || v.Kafka == nil || v.Kafka.Wrong > 0 || v.Kafka.Expired > 0:
		s.fault("verify: %s", out)
	}
	return nil
}

// verify runs "orderloom verify" once, and reports whether its exit status told of a difference.
func (s *soak) verify(ctx context.Context) (out []byte, different bool, err error) {
	out, err = s.fleet.command(ctx, "verify", "-o", "json")
	var exit *exec.ExitError
	if different = errors.As(err, &exit); err != nil && !different {
		return out, false, err
	}
	s.report.Verified = verified{}
	if parseErr := json.Unmarshal(out, &s.report.Verified); parseErr != nil {
		return out, different, fmt.Errorf("read what verify prints: %w", errors.Join(parseErr, err))
	}
	return out, different, nil
}

// auditOrders demands that the views show each order as it has ended, and that there is none that nobody placed.
func (s *soak) auditOrders(ctx context.Context) error {
	have := map[uuid.UUID][3]string{}
	err := s.query(ctx, `SELECT v.order_id, v.status, v.captured_amount::text, v.refunded_amount::text FROM orderloom.order_views v`, func(rows pgx.Rows) error {
		var id uuid.UUID
		var row [3]string
		defer func() { have[id] = row }()
		return rows.Scan(&id, &row[0], &row[1], &row[2])
	})
	if err != nil {
		return err
	}
	for _, o := range s.books.orders {
		row, found := have[o.id]
		switch {
		case !found:
			s.fault("order %s (%s) is in no view", o.id, o.story)
		case row[0] != string(o.end) || !equal(row[1], o.captured) || !equal(row[2], o.refunded):
			s.fault("order %s (%s) is shown as %v, expected %s, captured %s, refunded %s", o.id, o.story, row, o.end, o.captured, o.refunded)
		}
		delete(have, o.id)
	}
	for id := range have {
		s.fault("nobody placed order %s", id)
	}
	return nil
}

func equal(shown string, want decimal.Decimal) bool {
	d, err := decimal.NewFromString(shown)
	return err == nil && d.Equal(want)
}

// auditMoney compares the gateway's ledger with the books.
func (s *soak) auditMoney(context.Context) error {
	gateway, err := sandbox.Open(s.fleet.ledger)
	if err != nil {
		return err
	}
	defer func() { _ = gateway.Close() }()
	for _, o := range s.books.orders {
		b, err := gateway.Balance(payment.ID(o.id))
		if err != nil {
			return err
		}
		if !b.Held.IsZero() || !b.Captured.Amount.Equal(o.captured) || !b.Refunded.Amount.Equal(o.refunded) {
			s.fault("order %s (%s): the gateway holds %s, has captured %s and refunded %s; expected 0, %s, %s",
				o.id, o.story, b.Held, b.Captured, b.Refunded, o.captured, o.refunded)
		}
	}
	return nil
}

// auditStock compares what lies in stock with the books.
func (s *soak) auditStock(ctx context.Context) error {
	shop, err := newShop(s.fleet)
	if err != nil {
		return err
	}
	for _, p := range s.books.shelves() {
		stock, err := patiently(ctx, func(ctx context.Context) (orderloom.Stock, error) { return shop.GetStock(ctx, p.sku) })
		if err != nil {
			return err
		}
		for _, l := range stock.Levels {
			if l.Location == p.location && (l.OnHand != s.books.stock[p] || l.Reserved != 0) {
				s.fault("%s in %s: %d on hand and %d reserved, expected %d and 0", p.sku, p.location, l.OnHand, l.Reserved, s.books.stock[p])
			}
		}
		if len(stock.Levels) == 0 {
			s.fault("%s is nowhere", p.sku)
		}
	}
	return nil
}

const queryTimeout = 30 * time.Second

func (s *soak) query(ctx context.Context, sql string, row func(pgx.Rows) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.stack.DatabaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
