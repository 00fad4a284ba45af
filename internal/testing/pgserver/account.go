package pgserver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/orderloom/orderloom/internal/progress"
)

// account is the user that the server runs as, when that is another than ours. Nil: ourselves.
type account struct {
	name     string
	uid, gid uint32
}

// serverAccount returns whom to run the server as: nil unless we are root.
func serverAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody to run it as")
}

// attributes are those of a process that runs as the account. It has a group of its own, so that a Ctrl-C in the
// terminal reaches us alone.
func (a *account) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attributes.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attributes
}

// give hands a file or directory to the account.
func (a *account) give(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// canEnter reports whether the account may pass through every directory down to path, as far as it exists.
func (a *account) canEnter(path string) bool {
	if a == nil {
		return true
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && !a.passes(info) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func (a *account) passes(info os.FileInfo) bool {
	mode := info.Mode().Perm()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case stat.Uid == a.uid:
			return mode&0o100 != 0
		case stat.Gid == a.gid:
			return mode&0o010 != 0
		}
	}
	return mode&0o001 != 0
}

// cacheDir is where fetched programs are kept: ours, or as root one that the account can read.
func (a *account) cacheDir() (string, error) {
	var tried []error
	for _, base := range a.cacheCandidates() {
		dir := filepath.Join(base, "orderloom")
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // programs, which the account must reach
			tried = append(tried, err)
			continue
		}
		if a.canEnter(dir) {
			return dir, nil
		}
		tried = append(tried, fmt.Errorf("%s can't be entered by the user %s", dir, a.name))
	}
	return "", fmt.Errorf("find a directory to keep PostgreSQL's programs in: %w", errors.Join(tried...))
}

func (a *account) cacheCandidates() []string {
	if a != nil {
		return []string{"/var/cache", os.TempDir()}
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return []string{dir, os.TempDir()}
	}
	return []string{os.TempDir()}
}

// home returns where the data of dir lie. That is dir itself or, where the account can't get there, a directory that
// it can reach, which dir then links to.
func (a *account) home(dir string, log progress.Log) (string, error) {
	if target, err := filepath.EvalSymlinks(dir); err == nil && a.canEnter(target) {
		if info, err := os.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
			log("PostgreSQL's data lie in %s", target)
		}
		return target, nil
	}
	if a.canEnter(filepath.Dir(dir)) {
		return dir, os.MkdirAll(dir, 0o700)
	}
	sum := sha256.Sum256([]byte(dir))
	base := filepath.Join("/var/lib/orderloom", hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(base, 0o711); err != nil { //nolint:gosec // the account must pass through
		return "", fmt.Errorf("%s is out of reach of the user %s, and so is this: %w", dir, a.name, err)
	}
	target := filepath.Join(base, filepath.Base(dir))
	if err := os.MkdirAll(target, 0o700); err != nil {
		return "", err
	}
	_ = os.Remove(dir)                                            // a link whose target is gone, or an empty directory
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // a plain folder
		return "", err
	}
	if err := os.Symlink(target, dir); err != nil {
		return "", fmt.Errorf("link to the data directory: %w", err)
	}
	log("PostgreSQL's data lie in %s, because it can't run as root and the user %s can't enter %s", target, a.name, filepath.Dir(dir))
	return target, nil
}
