package main

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// output is how a command prints what it has found.
type output string

const (
	outputTable output = "table"
	outputJSON  output = "json"
	outputYAML  output = "yaml"
)

// outputFlag gives a command the flag -o, which says how it prints.
func outputFlag(c *cobra.Command) *output {
	o := outputTable
	c.Flags().VarP(&o, "output", "o", "print a table, json or yaml")
	return &o
}

// String implements [pflag.Value].
func (o *output) String() string { return string(*o) }

// Type implements [pflag.Value].
func (*output) Type() string { return "format" }

// Set implements [pflag.Value].
func (o *output) Set(text string) error {
	if !slices.Contains([]output{outputTable, outputJSON, outputYAML}, output(text)) {
		return errors.New("must be table, json or yaml")
	}
	*o = output(text)
	return nil
}

// show prints what a command has found: value as JSON or YAML, with the same names, or the table.
func (p *program) show(o output, value any, table func(out io.Writer) error) error {
	switch o {
	case outputJSON:
		return p.printJSON(value)
	case outputYAML:
		text, err := json.Marshal(value)
		if err == nil {
			text, err = yaml.JSONToYAML(text)
		}
		if err == nil {
			_, err = p.stdout.Write(text)
		}
		return err
	default:
		return table(p.stdout)
	}
}

func (p *program) printJSON(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
