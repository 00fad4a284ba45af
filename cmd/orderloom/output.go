package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// format is how a command prints what it has found.
type format string

const (
	outputTable format = "table"
	outputJSON  format = "json"
	outputYAML  format = "yaml"
)

// outputFlag gives a command the flag -o, which says how it prints.
func outputFlag(c *cobra.Command) *format {
	o := outputTable
	c.Flags().VarP(&o, "output", "o", "print a table, json or yaml")
	return &o
}

// String implements [pflag.Value].
func (o *format) String() string { return string(*o) }

// Type implements [pflag.Value].
func (*format) Type() string { return "format" }

// Set implements [pflag.Value].
func (o *format) Set(text string) error {
	if !slices.Contains([]format{outputTable, outputJSON, outputYAML}, format(text)) {
		return errors.New("must be table, json or yaml")
	}
	*o = format(text)
	return nil
}

// show prints what a command has found: value as JSON or YAML, with the same names, or the table.
func (p *program) show(o format, value any, table func(out io.Writer) error) error {
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

// say prints what a command has done: value as JSON or YAML, or the sentence.
func (p *program) say(o format, value any, sentence string, args ...any) error {
	return p.show(o, value, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, sentence+"\n", args...)
		return err
	})
}

// each prints one of many as it comes: value as a line of JSON or a document of YAML, or the line of a table.
func (p *program) each(o format, value any, line string, args ...any) error {
	switch o {
	case outputJSON:
		return json.NewEncoder(p.stdout).Encode(value)
	case outputYAML:
		if _, err := fmt.Fprintln(p.stdout, "---"); err != nil {
			return err
		}
	}
	return p.say(o, value, line, args...)
}

func (p *program) printJSON(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
