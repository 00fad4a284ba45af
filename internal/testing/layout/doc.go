// Package layout holds tests of what belongs where: which package may name a table, and whether each has import rules.
package layout
