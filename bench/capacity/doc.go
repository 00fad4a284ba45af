// Command capacity checks the sums of docs/capacity.md. It simulates the parts of the platform as queues, with the
// costs per order that bench/orders has measured. It prints how busy each part is and how long orders take.
//
//	go -C bench run ./capacity                  the plan for ten thousand orders a second
//	go -C bench run ./capacity -rate 30 -plan one   the machine on which the costs were measured
//
// Each part is a number of servers that work on one visit at a time. An order visits a part several times. A visit
// waits while all servers are busy. Arrivals are random (Poisson) and service times vary (exponential), so orders
// wait as in real queues.
package main
