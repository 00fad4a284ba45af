package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	update = flag.Bool("update", false, "write the documents that tests generate anew")
	full   = flag.Bool("full", false, "play faults in full size: more orders, in every state, and for longer")
)

// fault is something that breaks around the platform: a drill, and a row of docs/reliability.md.
type fault struct {
	// name is the drill's, and what is what happens. meanwhile says what goes on and what waits.
	name, what, meanwhile string
	// told are the alerts that tell of it. Their conditions hold during the fault, and neither before nor after.
	told []alarm
	// named are the commands that say what is wrong.
	named []naming
	// mended says what mends it.
	mended string
	// drill plays it. A fault that another test plays names that test instead, and the make target of its full size.
	drill        func(*testing.T, *drill)
	test, target string
	// asRoot is set for a drill that only root can carry out; others leave it out.
	asRoot bool
}

// naming is a command that says what is wrong, by its exit status and its words.
type naming struct {
	command string
	status  int
	says    string
}

// TestFaults breaks what is around the platform. After each fault the metrics have told it, a command has named it, and
// what mends it was carried out. Nothing is lost: every accepted order comes to its right end, and the events, Kafka,
// the views and the gateway agree.
func TestFaults(t *testing.T) {
	t.Parallel()
	g := openGround(t)
	for _, f := range faults {
		if f.drill == nil || f.asRoot && os.Geteuid() != 0 {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := &drill{fault: f, ground: g, t: t}
			f.drill(t, d)
			d.requireComplete(t)
		})
	}
}

const reliabilityDocument = "../../docs/reliability.md"

// TestReliabilityDocument holds docs/reliability.md to the faults.
func TestReliabilityDocument(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(reliabilityHeading)
	for _, f := range faults {
		f.summarise(&b)
	}
	for _, f := range faults {
		require.False(t, f.drill == nil && f.test == "", "nothing plays %s", f.name)
		f.writeTo(&b)
	}
	if *update {
		require.NoError(t, os.WriteFile(reliabilityDocument, []byte(b.String()), 0o644)) //nolint:gosec // a document
		return
	}
	written, err := os.ReadFile(reliabilityDocument)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(written), "run: go -C dev test ./e2e -run Reliability -update")
}

// unanchored is what an anchor leaves out of its heading.
var unanchored = regexp.MustCompile(`[^a-z0-9 -]`)

// summarise writes the fault's row of the table of all.
func (f fault) summarise(b *strings.Builder) {
	cells := func(texts []string) string { return "`" + strings.Join(texts, "`, `") + "`" }
	anchor := strings.ReplaceAll(unanchored.ReplaceAllString(strings.ToLower(f.what), ""), " ", "-")
	told, named := "nothing", "–"
	if len(f.told) > 0 {
		var all []string
		for _, c := range f.told {
			all = append(all, c.alert)
		}
		told = cells(all)
	}
	if len(f.named) > 0 {
		var all []string
		for _, n := range f.named {
			all = append(all, n.command)
		}
		named = cells(all)
	}
	fmt.Fprintf(b, "| [%s](#%s) | %s | %s | nothing |\n", f.what, anchor, told, named)
}

func (f fault) writeTo(b *strings.Builder) {
	target, test := "make drill-faults DRILL="+f.name, "TestFaults"
	if f.drill == nil {
		target, test = f.target, f.test
	}
	fmt.Fprintf(b, "\n## %s\n\n| | |\n|---|---|\n| Meanwhile | %s |\n", f.what, f.meanwhile)
	if len(f.told) == 0 {
		b.WriteString("| Told by | nothing, since nothing fails |\n")
	}
	for _, c := range f.told {
		fmt.Fprintf(b, "| Told by | %s |\n", c.text())
	}
	for _, n := range f.named {
		command := "orderloom " + n.command
		if strings.HasPrefix(n.command, "GET ") {
			command = n.command
		}
		fmt.Fprintf(b, "| Named by | `%s`, status %d: `%s` |\n", command, n.status, n.says)
	}
	played := fmt.Sprintf("`%s`; `%s` in small", target, test)
	if target == "" {
		played = "`" + test + "`"
	}
	if f.asRoot {
		played += ", as root"
	}
	fmt.Fprintf(b, "| Mended | %s |\n| Played by | %s |\n", f.mended, played)
}

const reliabilityHeading = `# What may break, and what tells and mends it

Generated from the drills: ` + "`go -C dev test ./e2e -run Reliability -update`" + `. Each drill breaks something around running
processes, on a real Temporal server, while orders are under way. It demands that:

- the conditions of the alerts below hold on what ` + "`/metrics`" + ` tells during the fault, and neither before nor after it.
  The alerts are those of ` + "`deploy/prometheus/alerts.yml`" + `. A drill waits for shorter times;
- the commands name the fault, with this exit status and these words;
- what mends it is carried out, or comes by itself;
- nothing is lost. Every order that was accepted comes to its right end. What the customer is told, the events, the
  gateway's ledger and the stock agree, and ` + "`orderloom verify`" + ` ends with status 0.

` + "`make test`" + ` plays all of them with few orders. ` + "`make drill-faults`" + ` plays them with orders in every state, and for
longer.

| What breaks | Told by | Named by | Lost |
|---|---|---|---|
`
