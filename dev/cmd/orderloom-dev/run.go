package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/orderloom/orderloom/dev/demo"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/orderloom/orderloom/dev/stack"
)

// apiPort is where the API listens unless it is taken or ORDERLOOM_HTTP_ADDRESS says otherwise.
const apiPort = 8080

// run starts everything, plays the sample orders and serves until ctx ends.
func run(ctx context.Context, data string) error {
	return withPlatform(ctx, data, func(ctx context.Context, p *platform.Platform) error {
		if err := demo.Earlier(ctx, demoOptions(p)); err != nil {
			return err
		}
		report, err := demo.Play(ctx, demoOptions(p))
		if err != nil {
			return err
		}
		if !report.AsItShould() {
			say("\nNot everything ended as it should:\n%s", report.Differences())
		}
		printAddresses(p)
		say("\nServing until Ctrl-C. `make clean-data` forgets everything.")
		<-ctx.Done()
		return nil
	})
}

// playDemo starts everything, plays the sample orders and stops. It fails unless each order ended as it should.
func playDemo(ctx context.Context, data string) error {
	return withPlatform(ctx, data, func(ctx context.Context, p *platform.Platform) error {
		report, err := demo.Play(ctx, demoOptions(p))
		if err != nil {
			return err
		}
		if !report.AsItShould() {
			return fmt.Errorf("not every order ended as it should:\n%s", report.Differences())
		}
		say("\nAll %d sample orders ended as they should, in %.1f s.", len(report.Orders), report.Took.Seconds())
		return nil
	})
}

// withPlatform starts the platform, does something with it, and stops it. The context that it gives ends
// with ctx or with the platform.
func withPlatform(ctx context.Context, data string, do func(context.Context, *platform.Platform) error) (err error) {
	begun := time.Now()
	options := platform.Options{Data: data, Lookup: os.LookupEnv, Log: say}
	if data != "" {
		options.Ports, options.APIPort = stack.DefaultPorts, apiPort
	}
	p, err := platform.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() {
		say("\nstopping")
		err = errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	say("everything runs after %.1f s", time.Since(begun).Seconds())
	printAddresses(p)
	return do(ctx, p)
}

func printAddresses(p *platform.Platform) {
	say("")
	for _, row := range [][2]string{
		{"API", p.APIURL + "/api/v1/orders"},
		{"API documentation", p.APIURL + "/docs"},
		{"Temporal Web UI", p.SagasURL()},
		{"Temporal", p.Config.Temporal.Address},
		{"PostgreSQL", string(p.Config.Database.URL)},
		{"Kafka", p.Stack.KafkaBrokers},
		{"Metrics", p.APIURL + "/metrics"},
		{"Log", p.LogFile},
	} {
		if row[1] != "" {
			say("   %-18s %s", row[0], row[1])
		}
	}
}

func demoOptions(p *platform.Platform) demo.Options {
	return demo.Options{APIURL: p.APIURL, SagaURL: p.SagaURL, Out: os.Stdout, Colour: colourful()}
}
