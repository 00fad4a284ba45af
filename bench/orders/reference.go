package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/internal/testing/freeport"
)

// reference is Temporal's order reference application: its API servers and its workers, two processes with their own
// settings, on the same Temporal server. It keeps its orders in SQLite. It does not run between its turns.
//
// Its orders have a single line, so each has one charge and one shipment. An order is in flight from its request
// until the carrier has delivered it and its workflow has completed. The application charges without authorising,
// reserves no stock, and has no read model to wait for.
type reference struct {
	rig    *rig.Rig
	watch  *rig.Watch
	binary string

	orders, shipments string // URLs
	stop              []func(context.Context) error
}

func newReference(r *rig.Rig, watch *rig.Watch, binary string) (*reference, error) {
	path, err := filepath.Abs(binary)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return nil, fmt.Errorf("find the reference application: %w", err)
	}
	return &reference{rig: r, watch: watch, binary: path}, nil
}

func (f *reference) name() string { return workloadReference }

func (f *reference) begin() error {
	services := []string{"ORDER", "SHIPMENT", "BILLING", "FRAUD"}
	ports, err := freeport.Find(context.Background(), len(services))
	if err != nil {
		return err
	}
	environment := append(os.Environ(), "TEMPORAL_ADDRESS="+f.rig.Temporal, "TEMPORAL_NAMESPACE="+rig.Namespace)
	addresses := make([]string, len(services))
	for i, service := range services {
		addresses[i] = freeport.Address(ports[i])
		environment = append(environment, fmt.Sprintf("%s_API_PORT=%d", service, ports[i]), service+"_API_URL=http://"+addresses[i])
	}
	f.orders, f.shipments, f.stop = "http://"+addresses[0]+"/orders", "http://"+addresses[1]+"/shipments", nil
	for part, listens := range map[string][]string{"api": addresses, "worker": nil} {
		stop, err := f.rig.Run(context.Background(), "reference-"+part, environment, listens, f.binary, part)
		if err != nil {
			f.end()
			return err
		}
		f.stop = append(f.stop, stop)
	}
	return nil
}

func (f *reference) end() {
	for _, stop := range f.stop {
		if err := stop(context.Background()); err != nil {
			fmt.Println("# reference:", err)
		}
	}
}

func (f *reference) runOne(ctx context.Context, due time.Time, took *latencies) {
	if err := f.carry(ctx, due, took); err != nil && ctx.Err() == nil {
		fmt.Println("# reference:", err)
	}
}

func (f *reference) carry(ctx context.Context, due time.Time, took *latencies) error {
	id := uuid.NewString()
	shipment := id + ":1" // of its only fulfilment
	order := fmt.Sprintf(`{"id":%q,"customerId":"customer","items":[{"sku":"SKU-1","quantity":1}]}`, id)
	if err := f.post(ctx, f.orders, order); err != nil {
		return err
	}
	took.add("accept", time.Since(due))
	if err := f.watch.Started(ctx, "Shipment:"+shipment); err != nil {
		return err
	}
	for _, status := range []string{"dispatched", "delivered"} {
		if err := f.post(ctx, f.shipments+"/"+shipment+"/status", fmt.Sprintf(`{"status":%q}`, status)); err != nil {
			return err
		}
	}
	err := f.watch.Completed(ctx, "Order:"+id)
	took.add("whole", time.Since(due))
	return err
}

func (f *reference) post(ctx context.Context, url, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("POST %s: %s: %s", url, response.Status, text)
	}
	return err
}
