package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
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

// run starts everything, plays the sample orders and serves until ctx ends. Where the environment closes the API, the
// samples have a key.
func run(ctx context.Context, data string) error {
	key, lookup := closed(os.LookupEnv, false)
	return withPlatform(ctx, data, lookup, func(ctx context.Context, p *platform.Platform) error {
		if err := demo.Earlier(ctx, demoOptions(p, key)); err != nil {
			return err
		}
		report, err := demo.Play(ctx, demoOptions(p, key))
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

// playDemo starts everything, plays the sample orders and stops. It fails unless each order ended as it should. The API
// is closed, and the samples have a key, unless the environment says who may call it.
func playDemo(ctx context.Context, data string) error {
	key, lookup := closed(os.LookupEnv, true)
	return withPlatform(ctx, data, lookup, func(ctx context.Context, p *platform.Platform) error {
		if key != "" {
			say("   %-18s %s", "API key", key)
		}
		report, err := demo.Play(ctx, demoOptions(p, key))
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

// closed draws a key for the samples, and returns settings by which the API takes it beside the keys that are given.
// That is for an API that the settings close, and for one of which they say nothing if unsaid is true. Otherwise they
// stay as they are, and the key is empty.
func closed(lookup func(string) (string, bool), unsaid bool) (key string, with func(string) (string, bool)) {
	const open, keys = "ORDERLOOM_API_OPEN", "ORDERLOOM_API_KEYS"
	said, _ := lookup(open)
	given, _ := lookup(keys)
	if said != shut && (said != "" || given != "" || !unsaid) {
		return "", lookup
	}
	key = rand.Text()
	own := fmt.Sprintf("demo:%x", sha256.Sum256([]byte(key)))
	if given != "" {
		own = given + "," + own
	}
	set := map[string]string{open: shut, keys: own}
	return key, func(name string) (string, bool) {
		if value, ok := set[name]; ok {
			return value, true
		}
		return lookup(name)
	}
}

// shut is the value of ORDERLOOM_API_OPEN by which the API asks for keys.
const shut = "no"

// withPlatform starts the platform, does something with it, and stops it. The context that it gives ends
// with ctx or with the platform.
func withPlatform(
	ctx context.Context, data string, lookup func(string) (string, bool), do func(context.Context, *platform.Platform) error,
) (err error) {
	begun := time.Now()
	options := platform.Options{Data: data, Lookup: lookup, Log: say}
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

func demoOptions(p *platform.Platform, key string) demo.Options {
	return demo.Options{APIURL: p.APIURL, APIKey: key, SagaURL: p.SagaURL, Out: os.Stdout, Colour: colourful()}
}
