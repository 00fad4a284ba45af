// Command generate writes the schemas that are missing into a directory. It refuses to change one that is
// there.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/orderloom/orderloom/internal/eventschema"
)

func main() {
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	all, err := eventschema.All()
	if err != nil {
		return err
	}
	for name, schema := range all {
		path := filepath.Join(dir, name)
		there, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := os.WriteFile(path, schema, 0o644); err != nil {
				return err
			}
		case err != nil:
			return err
		case !bytes.Equal(there, schema):
			return fmt.Errorf("%s is published and can't change: give the event a new version, and the catalog an upcaster from the old one", path)
		}
	}
	return nil
}
