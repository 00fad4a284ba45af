package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/sagaclient"
)

// Exit statuses. Each has one meaning for all commands, which [exitStatuses] tells.
const (
	exitDone        = 0
	exitFailure     = 1
	exitUsage       = 2
	exitFound       = 3
	exitRefused     = 4
	exitUnreachable = 5
	exitInterrupted = 130 // as shells have it for Ctrl-C
)

// exitStatuses are the table of the documents and the last lines of each help.
var exitStatuses = []struct {
	status         int
	short, meaning string
}{
	{exitDone, "it is done", "It is done. A command that compares or examines has found nothing wrong."},
	{exitFailure, "it failed", "It failed. The message says why."},
	{exitUsage, "the command line or a setting is wrong", "The command line, a file that it names, or a setting is wrong. Nothing was done. " +
		"That is so, too, when a server refuses the user, the key or the certificate of the settings."},
	{exitFound, "it has found what is wrong", "It has looked, and has found what is wrong: a check that fails, a difference, an order without a saga, " +
		"a history that disagrees. The output names each."},
	{exitRefused, "the platform refuses it", "The platform refuses it by a rule, such as `not_found` or `not_cancellable`. To repeat it is of no use."},
	{exitUnreachable, "what it needs is out of reach", "A server can't be reached, does not answer in time, or is not ready. Run it again later."},
	{exitInterrupted, "it was interrupted", "Ctrl-C or SIGTERM has interrupted it. The message says what is left. " +
		"A command that runs until then, such as `orderloom api`, ends with 0."},
}

// foundError is what a command has found to be wrong, after it has looked at all.
type foundError struct{ error }

// Unwrap returns what was found.
func (e foundError) Unwrap() error { return e.error }

// found returns what was found to be wrong; nil for nothing.
func found(faults ...error) error {
	err := errors.Join(faults...)
	if err != nil {
		err = foundError{err}
	}
	return err
}

// refusedError is a refusal without a code, such as of lines of an import.
type refusedError struct{ error }

// usageError is a command line or a setting that is wrong, where that is found while a command runs.
type usageError struct{ error }

// Unwrap returns what is wrong.
func (e usageError) Unwrap() error { return e.error }

func wrongUsage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitStatus is that of a command which has run and ended with an error. The signal has ended ctx.
func exitStatus(ctx context.Context, name string, err error) int {
	switch {
	case ctx.Err() != nil && !untilStopped[name]:
		return exitInterrupted
	case errors.As(err, new(foundError)), errors.Is(err, replay.ErrDisagrees):
		return exitFound
	case wrongArgument(err):
		return exitUsage
	case unreachable(err):
		return exitUnreachable
	case refused(err):
		return exitRefused
	}
	return exitFailure
}

// wrongArgument reports whether an error is about what the command line or a setting says, wherever that is found.
func wrongArgument(err error) bool {
	if problem := (*client.Problem)(nil); errors.As(err, &problem) {
		return problem.Status == http.StatusUnauthorized || problem.Code == client.CodeInvalid
	}
	switch domain.Code(err) {
	case domain.CodeInvalid, projector.CodeUnknownProjection:
		return true
	}
	for _, wrong := range []error{app.ErrRefused, app.ErrFile, app.ErrNoTemporal} {
		if errors.Is(err, wrong) {
			return true
		}
	}
	return errors.As(err, new(usageError)) || wrongFile(err) || failure.Of(err) == failure.Value
}

// wrongFile reports whether an error is about a file that the command line or a setting names. It is not there, is no
// file, or may not be read or written. A disk that is full or fails is none of that.
func wrongFile(err error) bool {
	var file *fs.PathError
	if !errors.As(err, &file) {
		return false
	}
	for _, cause := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, syscall.EISDIR, syscall.ENOTDIR, syscall.EROFS, syscall.ENAMETOOLONG} {
		if errors.Is(file, cause) {
			return true
		}
	}
	return false
}

// unreachable reports whether the same may be asked again later.
func unreachable(err error) bool {
	if problem := (*client.Problem)(nil); errors.As(err, &problem) {
		return problem.Status > http.StatusInternalServerError || problem.Status == http.StatusTooManyRequests
	}
	kind := failure.Of(err)
	return errors.Is(err, client.ErrCutOff) || kind == failure.Passes || kind == failure.Late || domain.Code(err) == sagaclient.CodeNoWorker
}

// refused reports whether a rule of the platform says no.
func refused(err error) bool {
	if problem := (*client.Problem)(nil); errors.As(err, &problem) {
		return problem.Status < http.StatusInternalServerError
	}
	return domain.Code(err) != "" || errors.As(err, new(refusedError)) || failure.Of(err) == failure.Missing
}

// whatNext is what to do about an exit status, where the message alone does not tell.
func whatNext(status int, err error) string {
	switch {
	case status != exitUnreachable || domain.Code(err) == sagaclient.CodeNoWorker:
		return ""
	case errors.As(err, new(*client.Problem)):
		return "Run it again later."
	case errors.As(err, new(unansweredError)):
		return "Look whether the platform runs, and whether ORDERLOOM_URL says where it is."
	}
	return "Run it again once the server answers. \"orderloom doctor\" says which one does not, and which setting names it."
}

// told is the message of an error for people, without lines that repeat others.
func told(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimRight(line, "\n"); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// exitHelp is the end of each help.
func exitHelp() string {
	const width = 110
	words := []string{"Exit", "status:"}
	for i, s := range exitStatuses {
		end := ","
		if i == len(exitStatuses)-1 {
			end = "."
		}
		words = append(words, strings.Fields(fmt.Sprintf("%d %s%s", s.status, s.short, end))...)
	}
	var text strings.Builder
	column := 0
	for _, w := range words {
		switch {
		case column == 0:
		case column+1+len(w) > width:
			text.WriteByte('\n')
			column = 0
		default:
			text.WriteByte(' ')
			column++
		}
		text.WriteString(w)
		column += len(w)
	}
	return text.String()
}
