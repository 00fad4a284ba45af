package layout_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/projector/views"
	"github.com/stretchr/testify/require"
)

// owners says which packages may name a table, function or sequence of the schema: those that write to it, and those
// that only read. Tables of views are not listed: a view's own package writes to them, and the read model reads them.
var owners = []struct {
	names         []string
	writes, reads []string
}{
	{
		names:  []string{"streams", "events", "store", "store_epochs", "partitions", "snapshots", "event_id_filters", "event_times"},
		writes: []string{"eventstore"},
	},
	{
		names:  []string{"append", "append_settle", "identify", "fingerprint", "ensure_partitions", "index_event_ids", "event_sequence"},
		writes: []string{"eventstore"},
	},
	{names: []string{"relay_cursors", "relay_withheld", "relay_ends"}, writes: []string{"relay"}},
	{
		names:  []string{"projections", "projection_checkpoints", "parked_streams", "projection_rebuilds"},
		writes: []string{"projector", "projector/maintain"},
		reads:  []string{"readmodel"}, // for the status of the projections
	},
	{names: []string{"waiting_sagas"}, writes: []string{"orphans"}, reads: []string{"readmodel"}},
	{names: []string{"discarded_events"}, writes: []string{"projector/maintain"}},
	{names: []string{"order_changes"}, writes: []string{"projector/views/orders"}, reads: []string{"readmodel"}},
	{names: []string{"external_references"}, writes: []string{"readmodel"}},
	{names: []string{"invoices", "invoice_series", "invoice_cursor", "invoices_stay"}, writes: []string{"invoicing"}, reads: []string{"readmodel"}},
	{names: []string{"customer_keys"}, writes: []string{"privacy"}},
	{names: []string{"key_checks"}, writes: []string{"keyring"}},
	{names: []string{"api_keys", "access_version", "access_changed", "audit", "audit_maintain", "audit_ensure"}, writes: []string{"access"}},
	{
		names:  []string{"webhook_endpoints", "webhook_workers", "webhook_lanes", "webhook_deliveries", "webhook_beat"},
		writes: []string{"webhooks"},
	},
	{names: []string{"schema_migrations", "runtime_needs", "runtime_lacks", "grant_runtime"}, writes: []string{"migrations"}},
}

// outside are folders whose programs look at the database as an operator does.
var outside = []string{"bench", "dev", "internal/testing"}

const root = "../../.."

// allowed returns the packages that may name each table, function and sequence.
func allowed() map[string][]string {
	all := map[string][]string{}
	for _, o := range owners {
		for _, name := range o.names {
			all[name] = slices.Concat(o.writes, o.reads)
		}
	}
	for _, p := range views.All() {
		for _, t := range p.Tables() {
			all[t.Name] = []string{"projector/views/" + p.Name(), "readmodel"}
		}
	}
	return all
}

var (
	created = regexp.MustCompile(`CREATE (?:OR REPLACE )?(?:TABLE|FUNCTION|SEQUENCE|VIEW) (?:IF NOT EXISTS )?orderloom\.(\w+)`)
	named   = regexp.MustCompile(`\borderloom\.([a-z_]+)|\{([a-z_]+)\}`)
)

func TestEveryTableHasAnOwner(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/migrations/*.sql")
	require.NoError(t, err)
	var all []string
	for _, file := range append(files, root+"/migrations/embed.go") {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range created.FindAllStringSubmatch(string(b), -1) {
			all = append(all, m[1])
		}
	}
	owned := allowed()
	for _, name := range all {
		require.Contains(t, owned, name, "migrations make %s: name its owner", name)
	}
	for name := range owned {
		require.Contains(t, all, name, "%s has an owner and does not exist", name)
	}
}

func TestNoPackageNamesTablesOfOthers(t *testing.T) {
	t.Parallel()
	checked := 0
	eachSource(t, func(folder, file string, source *ast.File) {
		checked++
		for _, name := range foreign(folder, source) {
			t.Errorf("%s names %s, which belongs to %v", file, name, allowed()[name])
		}
	})
	require.Greater(t, checked, 100)
}

func TestForeignTablesAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, folder, source string
		found                []string
	}{
		{"its own", "relay", "`SELECT FROM orderloom.relay_cursors`", nil},
		{"another's", "relay", "`SELECT FROM orderloom.events`", []string{"events"}},
		{"as a view names it", "projector/views/orders", "`SELECT FROM {order_views} JOIN {payment_views}`", []string{"payment_views"}},
		{"one that it may read", "readmodel", "`SELECT FROM orderloom.order_views`", nil},
		{"a folder below the owner", "projector/views/orders", "`DELETE FROM orderloom.parked_streams`", []string{"parked_streams"}},
		{"a function", "relay", "`SELECT orderloom.identify()`", []string{"identify"}},
		{"an attribute of a span", "projector", `attribute.Int("orderloom.events", 1)`, nil},
		{"no table", "api", "`orderloom.request_id {order_id}`", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file, err := parser.ParseFile(token.NewFileSet(), "a.go", "package a\nvar sql = "+c.source, 0)
			require.NoError(t, err)
			require.Equal(t, c.found, foreign(c.folder, file))
		})
	}
}

// foreign returns the tables that the texts in a source name and that belong to other packages.
func foreign(folder string, source *ast.File) (found []string) {
	may := allowed()
	ast.Inspect(source, func(n ast.Node) bool {
		if isAttribute(n) {
			return false
		}
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			return true
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			name := m[1] + m[2]
			if packages, known := may[name]; known && !slices.Contains(packages, folder) {
				found = append(found, name)
			}
		}
		return true
	})
	return found
}

// isAttribute reports whether a node makes an attribute of a span, whose names look like those of tables.
func isAttribute(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	receiver, ok := selector.X.(*ast.Ident)
	return ok && receiver.Name == "attribute"
}

// eachSource calls f with each source file of the product, by its folder and name from the root.
func eachSource(t *testing.T, f func(folder, file string, source *ast.File)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "testdata" || slices.Contains(outside, name) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		f(filepath.ToSlash(filepath.Dir(name)), name, source)
		return nil
	}))
}
