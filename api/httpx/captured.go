package httpx

import (
	"bytes"
	"net/http"
)

// Captured is the answer to a request that the program makes of itself.
type Captured struct {
	Status int
	Body   bytes.Buffer

	header http.Header
	begun  bool
}

// NewCaptured returns an answer that nothing is written to yet.
func NewCaptured() *Captured { return &Captured{Status: http.StatusOK, header: http.Header{}} }

// Header implements [http.ResponseWriter].
func (c *Captured) Header() http.Header { return c.header }

// WriteHeader implements [http.ResponseWriter].
func (c *Captured) WriteHeader(status int) {
	if !c.begun {
		c.Status, c.begun = status, true
	}
}

// Write implements [http.ResponseWriter].
func (c *Captured) Write(b []byte) (int, error) {
	c.begun = true
	return c.Body.Write(b)
}

// Flush implements [http.Flusher]: there is nobody to send anything to.
func (c *Captured) Flush() {}
