package stack

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/progress"
)

// answerTimeout is how long the servers that are given may take to answer: they may still be starting.
const answerTimeout = 15 * time.Second

// awaitGiven waits until each of the servers that are given answers. The error names the setting of one that does not.
func awaitGiven(ctx context.Context, given Addresses, log progress.Log) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for _, server := range []struct {
		variable, address string
		ask               func(context.Context, string) error
	}{
		{variableDatabase, given.DatabaseURL, askPostgres},
		{variableTemporal, given.TemporalAddress, askListener},
		{variableKafka, given.KafkaBrokers, askListener},
	} {
		if server.address == "" {
			continue
		}
		done := progress.Tick(log, "waiting for the server of "+server.variable)
		err := await(ctx, server.address, server.ask)
		done()
		if err != nil {
			return fmt.Errorf("the server of %s does not answer: %w", server.variable, err)
		}
	}
	return nil
}

// await asks a server until it answers, and returns why it did not.
func await(ctx context.Context, address string, ask func(context.Context, string) error) error {
	wait := backoff.New()
	for {
		err := ask(ctx, address)
		if err == nil {
			return nil
		}
		if wait.Wait(ctx) != nil {
			return err
		}
	}
}

func askPostgres(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url) // its errors name no password
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// askListener asks whether any of some addresses takes connections. What the server speaks there, such as TLS, is told
// by settings that are not known here.
func askListener(ctx context.Context, addresses string) (err error) {
	for address := range strings.SplitSeq(addresses, ",") {
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, "tcp", strings.TrimSpace(address)); err == nil {
			return conn.Close()
		}
	}
	return err
}
