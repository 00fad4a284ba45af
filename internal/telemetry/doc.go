// Package telemetry has structured logs, one registry of metrics, and traces that run from an HTTP request to the
// view it ends in.
//
//	tel, err := telemetry.Setup(ctx, cfg.Telemetry, "worker")
//	defer tel.Shutdown(ctx)
//	tel.Logger.InfoContext(ctx, "order placed", "order_id", id)
//
// # Logs
//
// Each record that is logged with a context in a trace carries trace_id and span_id. Personal data has no place in a
// log. Should some get there all the same, under its own name or inside a struct, the handler replaces it (see
// [NewLogger]).
//
// # Metrics
//
// Everything is in Telemetry.Registry, the Temporal SDK's own metrics too. No id is ever a label.
//
// # Traces
//
// Tracing is off until an OTLP endpoint is configured, and then costs nothing: spans are no-ops, and
// neither Temporal nor pgx is given an interceptor. [Setup] registers the tracer provider as
// OpenTelemetry's global one, so a package gets its tracer by otel.Tracer(<import path>) and takes
// no argument for it.
//
// A trace crosses the event store and Kafka as text: [TraceParent] writes a context's trace into an
// event's metadata, [WithTraceParent] continues it on the other side.
package telemetry
