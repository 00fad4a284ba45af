package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/orderloom/orderloom/bench/rig"
)

const (
	// ratioMax is by how much an abuse may delay the others.
	ratioMax = 2
	// memoryMax is how much more memory the platform may take in an abuse than before.
	memoryMax = 384 << 20
	// begins is how long an abuse lasts before it is measured, and settles how long its traces are left to vanish.
	begins  = 1200 * time.Millisecond
	settles = 700 * time.Millisecond
)

// report is what was measured.
type report struct {
	plan   plan
	atRest int64
	found  []*finding
}

// finding is what was measured of one abuse.
type finding struct {
	kind          kind
	without, with []window
	answered      map[string]int
	// memory is the most there was, and grown by how much that is more than right before.
	memory, grown int64
	quiet, abused map[string][]time.Duration
	failures      []error
}

func newReport(p plan) *report {
	rep := &report{plan: p}
	for _, k := range kinds {
		if strings.Contains(k.name, p.only) {
			rep.found = append(rep.found, &finding{kind: k, answered: map[string]int{}})
		}
	}
	return rep
}

// tryAll tries each abuse in each round, between two quiet windows. Those that seem to miss their aim are tried once
// more: with twice the samples, chance is less.
func tryAll(ctx context.Context, r *rig.Rig, l *load, p plan, rep *report) error {
	sleep(ctx, 2*settles)
	rep.atRest, _ = r.Memory()
	for n := range p.rounds + 1 {
		round := slices.Clone(rep.found)
		if n == p.rounds {
			round = slices.DeleteFunc(round, func(f *finding) bool { return f.verdict() == nil })
		} else if n%2 == 1 {
			slices.Reverse(round)
		}
		if len(round) == 0 {
			continue
		}
		before := quietly(ctx, p.quiet)
		for _, f := range round {
			if n == p.rounds && !timeLeft(ctx, p) {
				break // what there is has to do
			}
			with, err := f.try(ctx, r, l, p.abuse)
			if err != nil {
				return fmt.Errorf("%s: %w", f.kind.name, err)
			}
			after := quietly(ctx, p.quiet)
			f.without, f.with = append(f.without, before, after), append(f.with, with)
			before = after
		}
		sleep(ctx, time.Second) // for the last answers
		for _, f := range round {
			f.take(l)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// timeLeft reports whether one more abuse can be tried before the run is given up.
func timeLeft(ctx context.Context, p plan) bool {
	end, bounded := ctx.Deadline()
	return !bounded || time.Until(end) > 2*(begins+p.abuse+settles+p.quiet)
}

func quietly(ctx context.Context, d time.Duration) window {
	from := time.Now()
	sleep(ctx, d)
	return window{from, time.Now()}
}

// try lets the abusive caller do its worst.
func (f *finding) try(ctx context.Context, r *rig.Rig, l *load, d time.Duration) (window, error) {
	if err := r.ForgetPeak(); err != nil {
		return window{}, err
	}
	before, _ := r.Memory()
	a, err := startAbuse(ctx, f.kind, l)
	if err != nil {
		return window{}, err
	}
	sleep(ctx, begins)
	w := quietly(ctx, d)
	answered, err := a.stop()
	if err != nil {
		return w, err
	}
	add(f.answered, answered)
	_, peak := r.Memory()
	f.memory, f.grown = max(f.memory, peak), max(f.grown, peak-before)
	sleep(ctx, settles)
	return w, nil
}

// take sorts the samples of the windows.
func (f *finding) take(l *load) {
	sort := func(ws []window) map[string][]time.Duration {
		by := map[string][]time.Duration{}
		for _, s := range l.within(ws...) {
			if s.err != nil {
				f.failures = append(f.failures, s.err)
			}
			of := readOrder
			if s.does == placement {
				of = placement
			}
			by[of] = append(by[of], s.took)
		}
		for _, all := range by {
			slices.Sort(all)
		}
		return by
	}
	f.failures = nil
	f.quiet, f.abused = sort(f.without), sort(f.with)
}

// at is the sample that this part of all is below, in milliseconds.
func at(sorted []time.Duration, part float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(int(part*float64(len(sorted))), len(sorted)-1)].Microseconds()) / 1000
}

// What is judged. Reads are some 900 in the abuse, and orders some 40: too few for the hundredth.
const (
	readsPart  = .99
	ordersPart = .9
)

func (f *finding) reads() (without, with float64) {
	return at(f.quiet[readOrder], readsPart), at(f.abused[readOrder], readsPart)
}

func (f *finding) orders() (without, with float64) {
	return at(f.quiet[placement], ordersPart), at(f.abused[placement], ordersPart)
}

// refused is how many requests of the abusive caller the limits have refused.
func (f *finding) refused() (n int) {
	for _, what := range []string{"401", "403", "408", "413", "429", "431", "503", closed} {
		n += f.answered[what]
	}
	return n
}

// verdict names what is missed.
func (f *finding) verdict() error {
	var missed []error
	if without, with := f.reads(); with > ratioMax*without {
		missed = append(missed, fmt.Errorf("reads wait %.1f times as long", with/without))
	}
	if without, with := f.orders(); with > ratioMax*without {
		missed = append(missed, fmt.Errorf("orders wait %.1f times as long", with/without))
	}
	if len(f.failures) > 0 {
		missed = append(missed, fmt.Errorf("%d requests of the honest caller failed: %w", len(f.failures), f.failures[0]))
	}
	if f.grown > memoryMax {
		missed = append(missed, fmt.Errorf("the platform takes %d MB more", f.grown>>20))
	}
	if f.refused() == 0 {
		missed = append(missed, errors.New("nothing of it was refused"))
	}
	return errors.Join(missed...)
}

// judge prints all, and fails where something is missed.
func (rep *report) judge() error {
	fmt.Printf("\nMilliseconds that the honest caller waits, without and with the abuse; at rest the platform has %d MB\n\n", rep.atRest>>20)
	fmt.Printf("| %-18s | reads p50     | reads p99     | times | orders p90    | times | MB   | more | the abusive caller's answers\n", "abuse")
	ratios, missed := map[string]float64{}, []error(nil)
	for _, f := range rep.found {
		quiet, abused := f.reads()
		quietOrders, abusedOrders := f.orders()
		fmt.Printf("| %-18s | %5.1f %7.1f | %5.1f %7.1f | %5.2f | %5.1f %7.1f | %5.2f | %4d | %4d | %s\n", f.kind.name,
			at(f.quiet[readOrder], .5), at(f.abused[readOrder], .5), quiet, abused, abused/quiet, quietOrders, abusedOrders, abusedOrders/quietOrders,
			f.memory>>20, f.grown>>20, answers(f.answered))
		ratios[f.kind.name] = math.Round(100*abused/quiet) / 100
		if err := f.verdict(); err != nil {
			missed = append(missed, fmt.Errorf("%s: %w", f.kind.name, err))
		}
	}
	line, err := json.Marshal(map[string]any{"p99_of_reads_with_to_without": ratios, "missed": len(missed)})
	fmt.Printf("\n%s\n", line)
	return errors.Join(err, errors.Join(missed...))
}

func answers(m map[string]int) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		words = append(words, fmt.Sprintf("%s: %d", k, m[k]))
	}
	return strings.Join(words, ", ")
}
