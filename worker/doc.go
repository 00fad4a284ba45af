// Package worker runs the sagas and their activities: it registers them with a Temporal worker whose
// settings were chosen by measurement.
//
//	err := worker.Run(ctx, slog.Default(), func(onFatalError func(error)) sdkworker.Worker {
//		return worker.New(temporalClient, activities, worker.Options{DrainTimeout: 20 * time.Second, OnFatalError: onFatalError})
//	})
package worker
