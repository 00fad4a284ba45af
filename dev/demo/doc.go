// Package demo plays five sample orders through the platform's HTTP API, as a shop, a warehouse and a
// carrier would, prints what happened to each, and checks that each ended as it should.
//
//	report, err := demo.Play(ctx, demo.Options{APIURL: "http://127.0.0.1:8080", Locations: []string{"berlin", "reno"}, Out: os.Stdout})
//	if err == nil && !report.AsItShould() {
//		fmt.Println(report.Differences())
//	}
//
// It knows nothing of the platform but its HTTP API, so it can be pointed at any. Every run takes goods and
// customers of its own, so it can be repeated on the same data.
package demo
