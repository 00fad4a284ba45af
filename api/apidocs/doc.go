// Package apidocs renders an OpenAPI document as one HTML page for people.
//
//	site, err := apidocs.New(apidocs.Options{Document: openapi, Problems: problems})
//	if err != nil {
//		return err
//	}
//	mux.HandleFunc("GET /docs", site.ServePage)
//
// The page needs nothing but itself: its style, its search and its examples are part of it. It is rendered once. Its
// Content-Security-Policy allows that one style and that one script, by their hashes, and nothing else.
//
// For each operation the page shows its parameters, its body, a curl line that can be pasted, and its answers. Answers
// that many operations share, which are the refusals, are shown once; each operation links to them.
package apidocs
