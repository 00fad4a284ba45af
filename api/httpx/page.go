package httpx

import (
	"net/http"
	"slices"
)

// Page answers 200 with a page of a list: {"<member>": […], "next_cursor": "…"}, the cursor unless it is the last
// page. Write appends the i-th of n elements to the answer as JSON.
func (x *Exchange) Page(member string, n int, next string, write func(b []byte, i int) ([]byte, error)) error {
	b := append(append(append(x.Out[:0], `{"`...), member...), `":[`...)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		before := len(b)
		if b, err = write(b, i); err != nil {
			return err
		}
		if i == 0 { // the others are about as long
			b = slices.Grow(b, n*(len(b)-before+1))
		}
	}
	b = append(b, ']')
	if next != "" {
		b = append(append(append(b, `,"next_cursor":"`...), next...), '"') // base64
	}
	x.Out = append(b, '}')
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	x.AnswerNow(http.StatusOK, x.Out)
	return nil
}
