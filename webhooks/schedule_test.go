package webhooks

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfterIsReadInEveryForm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "3599": 3599 * time.Second, "3600": time.Hour, "86400": time.Hour,
		"4294967296": time.Hour, "9223372036854775808": time.Hour, "99999999999999999999999999": time.Hour,
		"-5": 0, "1.5": 0, "1e9": 0, "soon": 0, "Fri, 27 Nov 2026 09:31:00 GMT": time.Minute, "Fri, 27 Nov 2026 09:29:00 GMT": 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": time.Hour, "Friday, 27-Nov-26 09:31:00 GMT": time.Minute,
	} {
		for status, heeded := range map[int]bool{http.StatusTooManyRequests: true, http.StatusServiceUnavailable: true, http.StatusInternalServerError: false} {
			answer := &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {text}}}
			if !heeded {
				require.Zero(t, retryAfter(answer, now), text)
				continue
			}
			require.Equal(t, want, retryAfter(answer, now), "%d %q", status, text)
		}
	}
}
