package app

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync"
)

// unversionedBuild names the program to Temporal where Worker Deployment Versioning does not.
func (p *platform) unversionedBuild() string {
	if p.cfg.Temporal.Deployment != "" {
		return ""
	}
	return programHash()
}

// programHash is a hash of the program's file, so that two builds never have one name; empty when the file can't be
// read. Not the commit, which not every build knows: images are built without it.
var programHash = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
})
