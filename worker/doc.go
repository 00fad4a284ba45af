// Package worker runs the sagas and their activities: it registers them with a Temporal worker whose
// settings were chosen by measurement.
//
//	w := worker.New(temporalClient, activities, worker.Options{DrainTimeout: 20 * time.Second})
//	err := worker.Run(ctx, w)
package worker
