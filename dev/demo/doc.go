// Package demo plays seven sample orders through the platform's HTTP API, as a shop, a warehouse and a carrier would.
// It prints what happened to each, and checks that each ended as it should.
//
//	report, err := demo.Play(ctx, demo.Options{APIURL: "http://127.0.0.1:8080", Out: os.Stdout})
//	if err == nil && !report.AsItShould() {
//		fmt.Println(report.Differences())
//	}
//
// It uses the API's typed client and nothing else of the platform, so it can be pointed at any. Every run takes goods
// and customers of its own, so it can be repeated on the same data.
package demo
