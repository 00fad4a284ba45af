// Package breaker keeps callers away from something that does not answer: the payment gateway, Temporal, Redis. It
// holds what our circuit breakers have in common. The state machine is github.com/sony/gobreaker. The settings are
// written down where each thing is called.
//
// A closed breaker lets every call through. After several failures in a row it opens and turns calls away at once. When
// it has rested it is half-open: a few calls try whether the thing answers. Their outcome closes or opens it.
// When nobody calls a half-open breaker for two minutes it closes by itself: nobody needs what it guards then.
//
//	breakers := breaker.NewSet(logger, registry)
//	b := breakers.Add(breaker.Settings{Of: "redis", Failures: 3, Rest: time.Second, Probes: 1})
//	err := b.Do(ctx, func() error { return client.Ping(ctx).Err() })
package breaker
