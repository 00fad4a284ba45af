package reference

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/api/apidocs"
)

// Problems returns the page of the problems with which the API refuses.
func Problems() string {
	problems := api.Problems()
	slices.SortStableFunc(problems, func(a, b apidocs.Problem) int { return a.Status - b.Status })
	var b strings.Builder
	b.WriteString(`# Problems

Every refusal of the API is a problem detail (RFC 9457). Programs go by its ` + "`code`" + `, which is stable. Each has a page on
every platform, at ` + "`/problems/<code>`" + `. Package ` + "`client`" + ` has the codes as constants.
`)
	for i, p := range problems {
		if i == 0 || problems[i-1].Status != p.Status {
			fmt.Fprintf(&b, "\n## %d %s\n\n| Code | Says | What happened, and what to do |\n|---|---|---|\n", p.Status, http.StatusText(p.Status))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Code, cell(p.Title), cell(p.About))
	}
	return b.String()
}
