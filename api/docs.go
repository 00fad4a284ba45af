package api

import (
	"context"
	"sync"

	"github.com/orderloom/orderloom/api/apidocs"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
)

// documentation is the contract for people, rendered when it is first asked for.
var documentation = sync.OnceValue(func() *apidocs.Site {
	site, err := apidocs.New(apidocs.Options{Document: spec, Problems: Problems()})
	if err != nil {
		panic(err) // the contract is part of this program
	}
	return site
})

// Problems returns what is said of each kind of problem, at its page and in the reference.
func Problems() []apidocs.Problem {
	problems := make([]apidocs.Problem, len(problemKinds))
	for i, k := range problemKinds {
		problems[i] = apidocs.Problem{Code: string(k.Code), Status: k.Status, Title: k.Title, About: k.About}
	}
	return problems
}

// getSpec serves the contract: GET /openapi.yaml.
func (a *API) getSpec(_ context.Context, x *httpx.Exchange) error {
	documentation().ServeDocument(x.Writer, x.Request)
	return nil
}

// getDocs serves the contract as a page for people: GET /docs.
func (a *API) getDocs(_ context.Context, x *httpx.Exchange) error {
	documentation().ServePage(x.Writer, x.Request)
	return nil
}

// getProblem explains one kind of problem: GET /problems/{code}. It is where a problem's type points.
func (a *API) getProblem(_ context.Context, x *httpx.Exchange) error {
	if !documentation().ServeProblem(x.Writer, x.Request, x.Param("code")) {
		return newProblem(domain.CodeNotFound, "there is no problem of this name")
	}
	return nil
}
