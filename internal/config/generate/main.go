// Command generate writes what is printed from the table of settings: their documentation, the .env
// example, and the list of the Helm chart.
//
//	go run ./generate <configuration.md> <.env.example> <settings.yaml>
package main

import (
	"fmt"
	"os"

	"github.com/orderloom/orderloom/internal/config"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: generate <configuration.md> <.env.example> <settings.yaml>")
		os.Exit(2)
	}
	for i, content := range []string{config.Document(), config.DotEnv(), config.ChartList()} {
		if err := os.WriteFile(os.Args[i+1], []byte(content), 0o644); err != nil { //nolint:gosec // to be read by all
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
