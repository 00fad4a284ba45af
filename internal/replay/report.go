package replay

import (
	"fmt"
	"strings"
)

// Report says in words what a replay found, in one line or, for a disagreement, some more. With verbose
// it quotes the SDK, which may quote payloads.
func (r Result) Report(name string, verbose bool) string {
	var b strings.Builder
	verdict := "AGREES"
	if r.Disagreement != nil {
		verdict = "DISAGREES"
	}
	fmt.Fprintf(&b, "%-10s %s: %s, %d events, %s", verdict, name, r.WorkflowType, r.Events, r.Status)
	if r.Note != "" {
		b.WriteString("; " + r.Note)
	}
	b.WriteByte('\n')
	d := r.Disagreement
	if d == nil {
		return b.String()
	}
	fmt.Fprintf(&b, "  At event %d (%s) the history %s;\n  today's code %s.\n", d.EventID, d.EventType, d.History, d.Code)
	if len(d.Calls) > 0 {
		fmt.Fprintf(&b, "  In the workflow task of event %d today's code:\n", d.TaskEventID)
		for _, call := range d.Calls {
			fmt.Fprintf(&b, "    - %s\n", call)
		}
	}
	if r.Status == "running" {
		b.WriteString("  This execution would be stuck on today's code until the code agrees again.\n")
	}
	if verbose {
		fmt.Fprintf(&b, "  The SDK says: %v\n", d.Err)
	}
	return b.String()
}
