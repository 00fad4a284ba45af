package main

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// part is one of the platform's parts: a number of servers, and what one order asks of them.
type part struct {
	name string
	// servers work at once: processors, or things that do one at a time, such as a history shard.
	servers int
	// visits is how often an order comes, and each how long a visit takes on average.
	visits int
	each   time.Duration
	// shards is set when an order may only be served by the one server that its key falls to.
	shards bool
	// aside is set when the order does not wait for the part, as for the views.
	aside bool
}

// busy is the share of the time for which the servers work, without any queueing.
func (p part) busy(rate float64) float64 {
	return rate * float64(p.visits) * p.each.Seconds() / float64(p.servers)
}

// outcome is what a simulation has shown.
type outcome struct {
	busy map[string]float64
	// order is how long an order takes, without the time that people and shipments take. views is how long the views
	// need after that to show its last event.
	order, views quantiles
}

type quantiles struct{ p50, p99 time.Duration }

func quantilesOf(values []float64) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	slices.Sort(values)
	at := func(q float64) time.Duration {
		return time.Duration(values[int(q*float64(len(values)-1))] * float64(time.Second))
	}
	return quantiles{at(0.5), at(0.99)}
}

// server frees up at a time.
type servers []float64

func (s servers) Len() int           { return len(s) }
func (s servers) Less(i, j int) bool { return s[i] < s[j] }
func (s servers) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *servers) Push(x any)        { *s = append(*s, x.(float64)) }
func (s *servers) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// visit is an order that comes to a part at a time.
type visit struct {
	at    float64
	order int
	stop  int // on its way
}

type visits []visit

func (v visits) Len() int           { return len(v) }
func (v visits) Less(i, j int) bool { return v[i].at < v[j].at }
func (v visits) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
func (v *visits) Push(x any)        { *v = append(*v, x.(visit)) }
func (v *visits) Pop() any {
	last := (*v)[len(*v)-1]
	*v = (*v)[:len(*v)-1]
	return last
}

// simulate sends orders through the parts, as many as come within the time.
func simulate(parts []part, rate float64, length time.Duration, seed uint64) outcome {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a simulation repeats itself
	way := route(parts)
	free := make([]servers, len(parts))
	worked := make([]float64, len(parts))
	for i, p := range parts {
		free[i] = make(servers, p.servers)
	}
	var queue visits
	orders := int(rate * length.Seconds())
	begun, placed := make([]float64, orders), make([]float64, orders)
	at := 0.0
	for i := range orders {
		at += random.ExpFloat64() / rate
		begun[i] = at
		queue = append(queue, visit{at: at, order: i})
	}
	heap.Init(&queue)
	var took, shown []float64
	for queue.Len() > 0 {
		v := heap.Pop(&queue).(visit)
		i := way[v.stop]
		service := random.ExpFloat64() * parts[i].each.Seconds()
		worked[i] += service
		end := free[i].serve(v, service, parts[i].shards)
		if !parts[i].aside {
			placed[v.order] = end
		}
		switch {
		case v.stop+1 < len(way):
			heap.Push(&queue, visit{at: end, order: v.order, stop: v.stop + 1})
		case begun[v.order] > at/4: // the first quarter fills the queues
			took = append(took, placed[v.order]-begun[v.order])
			shown = append(shown, end-placed[v.order])
		}
	}
	out := outcome{busy: map[string]float64{}, order: quantilesOf(took), views: quantilesOf(shown)}
	for i, p := range parts {
		out.busy[p.name] = worked[i] / at / float64(p.servers)
	}
	return out
}

// serve returns when the visit is done.
func (s *servers) serve(v visit, service float64, shards bool) float64 {
	if shards {
		k := v.order * 2654435761 % len(*s)
		end := max(v.at, (*s)[k]) + service
		(*s)[k] = end
		return end
	}
	end := max(v.at, (*s)[0]) + service
	(*s)[0] = end
	heap.Fix(s, 0)
	return end
}

// route is the order of the visits: round after round of the parts that an order waits for, then the others.
func route(parts []part) (way []int) {
	for _, aside := range []bool{false, true} {
		for round := 0; ; round++ {
			n := len(way)
			for i, p := range parts {
				if p.aside == aside && round < p.visits {
					way = append(way, i)
				}
			}
			if len(way) == n {
				break
			}
		}
	}
	return way
}
