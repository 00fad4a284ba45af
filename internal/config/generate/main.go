// Command generate writes the documentation of the settings: go run ./generate <file>.
package main

import (
	"fmt"
	"os"

	"github.com/orderloom/orderloom/internal/config"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate <file>")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(config.Document()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
