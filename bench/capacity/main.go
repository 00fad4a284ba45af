package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	rate := flag.Float64("rate", 10_000, "orders a second")
	name := flag.String("plan", "ten-thousand", "the plan: one or ten-thousand")
	length := flag.Duration("length", 20*time.Second, "how long is simulated")
	flag.Parse()
	parts, ok := plans[*name]
	if !ok {
		fmt.Fprintf(os.Stderr, "capacity: there is no plan %q\n", *name)
		os.Exit(1)
	}
	out := simulate(parts, *rate, *length, 1)
	fmt.Printf("%.0f orders/s, plan %s\n\n", *rate, *name)
	fmt.Printf("%-34s %8s %7s %8s %9s %9s\n", "", "servers", "visits", "ms each", "sum", "simulated")
	for _, p := range parts {
		fmt.Printf("%-34s %8d %7d %8.2f %8.0f%% %8.0f%%\n",
			p.name, p.servers, p.visits, float64(p.each)/float64(time.Millisecond), 100*p.busy(*rate), 100*out.busy[p.name])
	}
	fmt.Printf("\nan order's own steps: p50 %s, p99 %s\nthe views after them: p50 %s, p99 %s\n",
		out.order.p50.Round(time.Millisecond), out.order.p99.Round(time.Millisecond), out.views.p50.Round(time.Millisecond), out.views.p99.Round(time.Millisecond))
}
