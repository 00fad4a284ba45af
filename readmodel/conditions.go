package readmodel

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/orderloom/orderloom/domain"
)

// conditions are what the rows of a list have to be like, as SQL and its arguments.
type conditions struct {
	where []string
	args  []any
}

// add adds a condition, in which each value takes the place of one question mark.
func (c *conditions) add(condition string, values ...any) {
	for _, v := range values {
		condition = strings.Replace(condition, "?", c.argument(v), 1)
	}
	c.where = append(c.where, condition)
}

// argument adds a value, and returns what stands for it in the SQL.
func (c *conditions) argument(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

// String is all conditions together.
func (c *conditions) String() string { return strings.Join(c.where, " AND ") }

// pageLimit returns how much a page holds that was asked for with this limit; 0 is [PageSizeDefault].
func pageLimit(bad *domain.Invalids, asked int) int {
	limit := cmp.Or(asked, PageSizeDefault)
	if limit < 1 || limit > PageSizeMax {
		bad.Add("limit", "must be from 1 to %d, got %d", PageSizeMax, asked)
	}
	return limit
}
