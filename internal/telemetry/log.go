package telemetry

import (
	"context"
	"io"
	"log/slog"

	"github.com/orderloom/orderloom/internal/config"
	"go.opentelemetry.io/otel/trace"
)

// NewLogger returns a logger that writes to w in the configured format, from the configured level
// on.
//
// Records logged with a context in a trace get trace_id and span_id. Values whose name says that they are personal
// data or a credential are replaced by "[redacted]". That holds for an attribute, in a group, and for a field of a
// struct or map that is logged whole.
func NewLogger(w io.Writer, cfg config.Telemetry) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel, ReplaceAttr: redact}
	var h slog.Handler = slog.NewJSONHandler(w, options)
	if cfg.LogFormat == "text" {
		h = slog.NewTextHandler(w, options)
	}
	return slog.New(traceHandler{h})
}

// traceHandler adds the ids of the trace that a record belongs to.
type traceHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h traceHandler) WithGroup(name string) slog.Handler {
	return traceHandler{h.Handler.WithGroup(name)}
}
