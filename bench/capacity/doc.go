// Command capacity checks the sums of docs/capacity.md: it simulates the parts of the platform as queues,
// with what each costs per order as bench/orders has measured it, and prints how busy each part is and how
// long orders take.
//
//	go -C bench run ./capacity                  the plan for ten thousand orders a second
//	go -C bench run ./capacity -rate 30 -plan one   the machine on which the costs were measured
//
// Each part is a number of servers that work on one thing at a time; an order comes to it several times. What
// comes while all are busy waits in line. Arrivals are random (Poisson), and service times vary (exponential), so
// that the waiting is that of real queues rather than of averages.
package main
