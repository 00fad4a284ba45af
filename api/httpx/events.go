package httpx

import (
	"fmt"
	"net/http"
	"time"
)

const (
	// eventWriteTimeout is how long a client may keep from taking what is sent before it is let go.
	eventWriteTimeout = 10 * time.Second
	// eventRetry is after how long a client comes back by itself.
	eventRetry = 2 * time.Second
)

// EventStream writes server-sent events (HTML standard, section 9.2.5) as the answer of an exchange.
type EventStream struct {
	x       *Exchange
	control *http.ResponseController
	opened  bool
	gone    bool
}

// EventStream returns the stream that answers this exchange. Nothing is sent before [EventStream.Open].
func (x *Exchange) EventStream() *EventStream {
	return &EventStream{x: x, control: http.NewResponseController(x.Writer)}
}

// Gone reports whether the client does not take events any more.
func (s *EventStream) Gone() bool { return s.gone }

// Open sends the header of the answer, once.
func (s *EventStream) Open() {
	if s.opened {
		return
	}
	s.opened = true
	h := s.x.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx keeps the events to itself
	s.x.Writer.WriteHeader(http.StatusOK)
	// The limit for the reading of a request would end the stream: the server reads on, to notice when the client
	// goes.
	_ = s.control.SetReadDeadline(time.Time{})
	s.write(fmt.Sprintf("retry: %d\n\n", eventRetry.Milliseconds()))
}

// Send sends an event. Data is one line, and is what a schema of the document describes.
func (s *EventStream) Send(id, name, schema string, data []byte) {
	s.Open()
	data = s.x.Shown(schema, data)
	s.write("id: " + id + "\nevent: " + name + "\ndata: " + string(data) + "\n\n")
}

// Place tells the client how far the stream has come, without an event: it sends that when it comes back.
func (s *EventStream) Place(id string) {
	s.Open()
	s.write("id: " + id + "\n\n")
}

// Comment sends a comment, which clients pass over.
func (s *EventStream) Comment(text string) {
	s.Open()
	s.write(": " + text + "\n\n")
}

func (s *EventStream) write(text string) {
	if s.gone {
		return
	}
	// Not every writer knows deadlines; those of real connections do.
	_ = s.control.SetWriteDeadline(time.Now().Add(eventWriteTimeout))
	_, err := s.x.Writer.WriteString(text)
	s.gone = err != nil || s.control.Flush() != nil
}
