// Package doctor asks each part of a platform whether it is well, and prints what is wrong with its remedy.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Status is what a check has come to.
type Status string

// What a check comes to. A warning is for people to look at soon; the platform does its work meanwhile. A check is
// skipped when another one that it needs has failed.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failing Status = "failing"
	Skipped Status = "skipped"
)

// Fault is one thing that is wrong.
type Fault struct {
	// What says what is wrong, and Remedy what mends it.
	What, Remedy string
	// Minor is set for what the platform does its work with.
	Minor bool
}

// Error is both in one sentence.
func (f Fault) Error() string {
	if f.Remedy == "" {
		return f.What
	}
	return f.What + ": " + f.Remedy
}

// Check asks one part whether it is well.
type Check struct {
	// Group and Name say what is asked, such as "PostgreSQL" and "takes writes".
	Group, Name string
	// Needs are the names of the checks without whose success this one tells nothing, in the form "group: name".
	Needs []string
	// Timeout bounds it; zero is [TimeoutUsual].
	Timeout time.Duration
	// Remedy is what to do when it can't be asked.
	Remedy string
	// Explain makes a [Fault] of an error whose remedy is known better, and returns others as they are. Nil knows none.
	Explain func(error) error
	// Ask returns what was found for people, such as a version, and what is wrong. An error that is no [Fault] means
	// that the part can't be asked. It changes nothing.
	Ask func(ctx context.Context) (found string, err error)
}

// TimeoutUsual bounds most checks.
const TimeoutUsual = 10 * time.Second

// Finding is what a check has come to. A check that finds several faults makes one of each.
type Finding struct {
	Group  string `json:"group"`
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Found says what was found, and Remedy what mends it.
	Found  string `json:"found,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// Run makes the checks, and tells their findings in the order of the checks, each as soon as it is known. The checks of
// a group are made one after the other, and the groups at once. So a server that does not answer delays the others'
// findings by the time of its own checks alone. A check needs only checks that stand before it. Run returns how many
// findings of each status there were. When ctx ends it stops, and tells nothing of the checks that it was at.
func Run(ctx context.Context, checks []Check, tell func(Finding)) map[Status]int {
	all := make([]*made, len(checks))
	byName, groups := map[string]*made{}, map[string][]*made{}
	for i, c := range checks {
		m := &made{check: c, done: make(chan struct{})}
		all[i], byName[c.Group+": "+c.Name] = m, m
		groups[c.Group] = append(groups[c.Group], m)
	}
	var running sync.WaitGroup
	defer running.Wait()
	for _, group := range groups {
		running.Go(func() {
			for _, m := range group {
				m.make(ctx, byName)
			}
		})
	}
	counts := map[Status]int{}
	for _, m := range all {
		<-m.done
		if ctx.Err() != nil {
			break
		}
		for _, f := range m.findings {
			f.Group, f.Check = m.check.Group, m.check.Name
			counts[f.Status]++
			tell(f)
		}
	}
	return counts
}

// made is a check that is made.
type made struct {
	check Check
	// done is closed once findings and failed are known.
	done     chan struct{}
	findings []Finding
	failed   bool
}

func (m *made) make(ctx context.Context, byName map[string]*made) {
	defer close(m.done)
	for _, name := range m.check.Needs {
		need := byName[name]
		if need == nil {
			continue // it is not asked this time
		}
		select {
		case <-need.done:
		case <-ctx.Done():
			return
		}
		if need.failed {
			m.findings, m.failed = []Finding{{Status: Skipped, Found: "because of: " + name}}, true
			return
		}
	}
	m.findings = m.check.run(ctx)
	m.failed = slices.ContainsFunc(m.findings, func(f Finding) bool { return f.Status == Failing })
}

func (c Check) run(ctx context.Context) []Finding {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = TimeoutUsual
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type answer struct {
		found string
		err   error
	}
	answers := make(chan answer, 1)
	go func() { // a part may not look at the context
		found, err := c.Ask(ctx)
		answers <- answer{found, err}
	}()
	select {
	case a := <-answers:
		if a.err == nil {
			return []Finding{{Status: OK, Found: a.found}}
		}
		return c.findings(a.err)
	case <-ctx.Done():
		return []Finding{{Status: Failing, Found: fmt.Sprintf("no answer within %s", timeout), Remedy: c.Remedy}}
	}
}

// findings returns one for each fault of an error, and one for an error that holds none.
func (c Check) findings(err error) []Finding {
	var all []Finding
	for _, one := range each(err) {
		if c.Explain != nil {
			one = c.Explain(one)
		}
		f := Finding{Status: Failing, Found: oneLine(one.Error()), Remedy: c.Remedy}
		if fault := (Fault{}); errors.As(one, &fault) {
			f.Found, f.Remedy = oneLine(fault.What), fault.Remedy
			if fault.Minor {
				f.Status = Warning
			}
		}
		all = append(all, f)
	}
	return all
}

// oneLine puts the lines of a message behind one another, and leaves out those that repeat others.
func oneLine(message string) string {
	var all []string
	for line := range strings.Lines(message) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	return strings.ReplaceAll(strings.Join(all, "; "), ":; ", ": ")
}

// each takes apart what [errors.Join] has joined.
func each(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if fault := (Fault{}); !ok || !errors.As(err, &fault) {
		return []error{err}
	}
	for _, one := range joined.Unwrap() {
		all = append(all, each(one)...)
	}
	return all
}

// Printer returns a function that prints findings for people, each group under its heading.
func Printer(out io.Writer) func(Finding) {
	marks := map[Status]string{OK: "ok", Warning: "WARN", Failing: "FAIL", Skipped: "-"}
	group := ""
	return func(f Finding) {
		if f.Group != group {
			group = f.Group
			_, _ = fmt.Fprintf(out, "%s\n", group)
		}
		line := fmt.Sprintf("  %-4s  %s", marks[f.Status], f.Check)
		if f.Found != "" {
			line += ": " + f.Found
		}
		_, _ = fmt.Fprintln(out, line)
		if f.Remedy != "" && f.Status != OK && f.Status != Skipped {
			_, _ = fmt.Fprintf(out, "        > %s\n", f.Remedy)
		}
	}
}
