package httpx

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// columns are the paths of the columns of a table: those that the caller chooses, in that order, or all by their names.
func (x *Exchange) columns() (columns [][]string) {
	shown := x.shownPlace()
	if text := x.QueryText(fieldsParameter); text != "" {
		for field := range strings.SplitSeq(text, ",") {
			path := strings.Split(strings.TrimSpace(field), ".")
			columns = append(columns, x.router.contract.leaves(shown, path, nil)...)
		}
		return columns
	}
	return x.router.contract.leaves(shown, nil, nil)
}

// olderColumns are the columns as the version calls them that the caller gets. The changes between versions are
// functions, and say nothing of names. So a thing with a mark in each column is brought back, and the marks show where
// each column has gone. One that the version does not have is left out. One that only it has comes last.
func (x *Exchange) olderColumns(columns [][]string) [][]string {
	thing := map[string]any{}
	for i, path := range columns {
		at := thing
		for _, name := range path[:len(path)-1] {
			inner, ok := at[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[name] = inner
			}
			at = inner
		}
		at[path[len(path)-1]] = columnMark + strconv.Itoa(i)
	}
	first := func([]string, any) bool { return true } // of alternatives the columns are the first one's, see properties
	x.router.contract.walkAs(x.shownPlace(), thing, first, func(schema string, object map[string]any) {
		x.router.versions.Answer(x.version, schema, object)
	})
	places, added := make([][]string, len(columns)), [][]string(nil)
	collect(thing, nil, func(path []string, value any) {
		mark, _ := value.(string)
		if i, err := strconv.Atoi(strings.TrimPrefix(mark, columnMark)); err == nil && strings.HasPrefix(mark, columnMark) {
			places[i] = path
		} else {
			added = append(added, path)
		}
	})
	return append(slices.DeleteFunc(places, func(p []string) bool { return p == nil }), added...)
}

// columnMark begins what stands for the value of a column. No change of a version makes such a text.
const columnMark = "\x00column "

// collect hands on the leaves of an object in the order of their names.
func collect(object map[string]any, at []string, leaf func(path []string, value any)) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		path := append(slices.Clone(at), name)
		if inner, ok := object[name].(map[string]any); ok {
			collect(inner, path, leaf)
			continue
		}
		leaf(path, object[name])
	}
}

// leaves are the paths of what a table shows of a thing that a schema describes, below a path.
func (c *Contract) leaves(place, below, at []string) (paths [][]string) {
	properties, where := c.properties(place)
	if len(below) > 0 {
		if properties[below[0]] == nil {
			return [][]string{append(slices.Clone(at), below...)}
		}
		return c.leaves(join(where, "properties", below[0]), below[1:], append(slices.Clone(at), below[0]))
	}
	if len(properties) == 0 || len(at) >= columnsDepth {
		return [][]string{slices.Clone(at)}
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		paths = append(paths, c.leaves(join(where, "properties", name), nil, append(slices.Clone(at), name))...)
	}
	return paths
}

// properties are the members of the object that a schema describes, and where they stand; none for anything else.
func (c *Contract) properties(place []string) (properties map[string]any, where []string) {
	at, node, err := c.find(place...)
	m, ok := node.(map[string]any)
	if err != nil || !ok {
		return nil, nil
	}
	if to, ok := m["$ref"].(string); ok { // with words beside it
		return c.properties(pointer(to))
	}
	if alternatives, _ := m["oneOf"].([]any); len(alternatives) > 0 {
		return c.properties(join(at, "oneOf", "0"))
	}
	properties, _ = m["properties"].(map[string]any)
	return properties, at
}
