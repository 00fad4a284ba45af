// Command generate writes the pages that follow from the code:
//
//	go run ./generate <root of the repository> <docs/reference>
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/orderloom/orderloom/internal/reference"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: generate <root of the repository> <docs/reference>")
		os.Exit(2)
	}
	pages, err := reference.Pages(os.Args[1])
	for name, text := range pages {
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[2], name), []byte(text), 0o644) //nolint:gosec // to be read by all
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
