package migrations

import (
	"context"
	_ "embed" // the list of the indexes
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// indexes are the statements that make the indexes, one a line, as a database tells them that has all migrations. Those
// of partitions are left out: they come and go.
//
//go:embed indexes.txt
var indexes string

// indexName is the name in a statement that makes an index. A view that was rebuilt has others.
var indexName = regexp.MustCompile(`^(CREATE (?:UNIQUE )?INDEX) (\S+) ON`)

// IndexFault is an index that the schema should have.
type IndexFault struct {
	// Name is its name in the database, or the one that it should have.
	Name string
	// Statement makes one that is missing; empty for one that is there, and that PostgreSQL does not use.
	Statement string
}

// IndexFaults returns the indexes that are missing or invalid, such as after somebody has dropped one, or has built one
// concurrently and in vain. It changes nothing. The schema must be up to date.
func IndexFaults(ctx context.Context, db DB) (faults []IndexFault, err error) {
	there, invalid, err := indexesThere(ctx, db)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, statement := range there {
		have[indexName.ReplaceAllString(statement, "$1 ON")] = true
	}
	for statement := range strings.Lines(indexes) {
		statement = strings.TrimSpace(statement)
		if !have[indexName.ReplaceAllString(statement, "$1 ON")] {
			faults = append(faults, IndexFault{indexName.FindStringSubmatch(statement)[2], statement})
		}
	}
	for _, name := range invalid {
		faults = append(faults, IndexFault{Name: name})
	}
	return faults, nil
}

// indexesThere returns the statements of the indexes that there are, and the names of those that are invalid.
func indexesThere(ctx context.Context, db DB) (there, invalid []string, err error) {
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT coalesce(array_agg(pg_get_indexdef(i.indexrelid) ORDER BY c.relname), '{}'),
				coalesce(array_agg(c.relname::text ORDER BY c.relname) FILTER (WHERE NOT i.indisvalid AND c.relkind = 'i'), '{}')
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
			WHERE t.relnamespace = to_regnamespace('orderloom') AND NOT t.relispartition AND t.relkind IN ('r', 'p')`).Scan(&there, &invalid)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look at the indexes: %w", err)
	}
	return there, invalid, nil
}
