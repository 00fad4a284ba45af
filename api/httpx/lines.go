package httpx

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// LinesMedia is the media type of JSON texts, one a line.
const LinesMedia = "application/x-ndjson"

const (
	// lineReadTimeout is how long a client may take for the next piece of its lines.
	lineReadTimeout = 30 * time.Second
	// lineWriteTimeout is how long it may keep from taking what is sent before it is let go.
	lineWriteTimeout = 30 * time.Second
)

// WantLines refuses a body that is not of [LinesMedia]. Error: unsupported_media_type.
func (x *Exchange) WantLines() error { return x.wantMedia(LinesMedia) }

// LineReader reads the lines of a body, each of which has at most as many bytes as the body of another request.
type LineReader struct {
	x       *Exchange
	control *http.ResponseController
	in      *bufio.Reader
	line    []byte

	mu             sync.Mutex
	ended, stopped bool
}

// Lines returns the lines of the request's body. The answer may begin before all of them are read.
func (x *Exchange) Lines() *LineReader {
	control := http.NewResponseController(x.Writer)
	_ = control.EnableFullDuplex() // HTTP/2 always is
	return &LineReader{x: x, control: control, in: bufio.NewReader(x.Request.Body)}
}

// Next returns the next line, which is valid until the next call. Errors: [io.EOF] after the last one; body_too_large
// for one that is too long, after which others may follow. Any other says that the body broke off.
func (l *LineReader) Next() ([]byte, error) {
	if l.Ended() {
		return nil, io.EOF
	}
	l.line = l.line[:0]
	limit, long := l.x.router.limits.BodyBytesMax, false
	for {
		if !l.waitsUntil(time.Now().Add(lineReadTimeout)) {
			return nil, errStopped
		}
		part, err := l.in.ReadSlice('\n')
		text := bytes.TrimSuffix(part, []byte("\n"))
		if long = long || int64(len(l.line)+len(text)) > limit; !long {
			l.line = append(l.line, text...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			if l.end(); len(l.line) == 0 && !long {
				return nil, io.EOF
			}
		case err != nil:
			return nil, fmt.Errorf("read a line: %w", err)
		}
		if long {
			return nil, NewProblem(KindBodyTooLarge, fmt.Sprintf("a line has at most %d bytes", limit))
		}
		return l.line, nil
	}
}

// waitsUntil bounds how long the client may take for the next piece. It reports false once the reading was stopped.
func (l *LineReader) waitsUntil(deadline time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		_ = l.control.SetReadDeadline(deadline) // not every connection has one
	}
	return !l.stopped
}

// end notes that all lines are read. The server goes on to read from the connection, to notice when the client hangs
// up. A deadline would look the same to it, and end this request and all that come by the connection later.
func (l *LineReader) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	_ = l.control.SetReadDeadline(time.Time{})
}

// Stop ends the reading, also where it waits for the client. It may be called while another goroutine reads, but not
// after the request has been answered.
func (l *LineReader) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped = true; !l.ended {
		_ = l.control.SetReadDeadline(time.Unix(1, 0))
	}
}

var errStopped = errors.New("nobody reads any more lines")

// Ended reports whether all lines were read.
func (l *LineReader) Ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// LineWriter answers with JSON texts, one a line, each of which leaves at once.
type LineWriter struct {
	x       *Exchange
	control *http.ResponseController
	begun   bool
	err     error
}

// LineWriter returns the answer of this exchange. Nothing is sent before the first line.
func (x *Exchange) LineWriter() *LineWriter {
	return &LineWriter{x: x, control: http.NewResponseController(x.Writer)}
}

// Write sends a line. After an error the client does not take any more.
func (w *LineWriter) Write(v any) error {
	if w.err != nil {
		return w.err
	}
	text, err := json.Marshal(v)
	if err != nil {
		w.err = fmt.Errorf("encode a line: %w", err)
		return w.err
	}
	if !w.begun {
		w.begun = true
		h := w.x.Writer.Header()
		h.Set("Content-Type", LinesMedia)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // or nginx keeps the lines to itself
		w.x.Writer.WriteHeader(http.StatusOK)
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(lineWriteTimeout)) // not every connection has one
	if _, w.err = w.x.Writer.Write(append(text, '\n')); w.err == nil {
		w.err = w.control.Flush()
	}
	return w.err
}

// Err is why the client does not take any more; nil while it does.
func (w *LineWriter) Err() error { return w.err }

// BodyOf is the body of a request that does not come from outside.
func BodyOf(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }
