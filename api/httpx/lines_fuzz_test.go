package httpx

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// FuzzLines reads anything as lines. Every line comes once and in order, and none is longer than a body may be. A line
// that is too long is refused, and takes none of those behind it along.
func FuzzLines(f *testing.F) {
	const limit = 8
	for _, body := range []string{"", "\n", "a", "a\nb", "a\r\nb\n", "12345678\n123456789\nx\n", "\n\n", "\xff\n\x00", "0123456789abcdef0123456789abcdef"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		context, _ := gin.CreateTestContext(httptest.NewRecorder())
		context.Request = httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		x := &Exchange{Context: context, router: &Router{limits: Limits{BodyBytesMax: limit}}}
		want := bytes.Split(body, []byte("\n"))
		if len(want[len(want)-1]) == 0 {
			want = want[:len(want)-1] // behind the last end of a line
		}
		lines := x.Lines()
		for _, line := range want {
			require.False(t, lines.Ended())
			got, err := lines.Next()
			if len(line) > limit {
				require.Equal(t, KindBodyTooLarge.Code, codeOf(err))
				continue
			}
			require.NoError(t, err)
			require.Equal(t, string(line), string(got))
		}
		_, err := lines.Next()
		require.ErrorIs(t, err, io.EOF)
		require.True(t, lines.Ended())
	})
}

func codeOf(err error) domain.ErrorCode {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}
