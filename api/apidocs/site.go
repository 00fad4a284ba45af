package apidocs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

//go:embed script.js
var scriptJS string

// Options is what a [Site] is made of.
type Options struct {
	// Document is the OpenAPI document, in YAML.
	Document []byte
	// Problems are the kinds of refusals, in the order in which they are shown.
	Problems []Problem
}

// Problem is one kind of refusal.
type Problem struct {
	Code   string
	Status int
	Title  string
	// About says what happened and what to do.
	About string
}

// Site is the documentation of an API. It is safe for concurrent use.
type Site struct {
	document *asset
	problems map[string]*asset
	page     []byte // with baseMark for the base URL
	policy   string
	fixed    bool // the document says where its API is

	mu    sync.Mutex
	pages map[string]*asset // by base URL
}

const (
	// baseMark stands for the base URL while the page is rendered.
	baseMark = "https://base-url.invalid"
	// basesMax bounds for how many base URLs a page is kept.
	basesMax = 16
)

// New reads the document and renders it.
func New(o Options) (*Site, error) {
	s := &Site{problems: map[string]*asset{}, pages: map[string]*asset{}, policy: contentSecurityPolicy()}
	c, err := readContract(o)
	if err != nil {
		return nil, err
	}
	s.fixed = c.BaseURL != baseMark
	templates, err := template.New("").Funcs(template.FuncMap{"prose": prose, "lower": strings.ToLower}).Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("read the template of the documentation: %w", err)
	}
	render := func(name string, of any) ([]byte, error) {
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, name, of); err != nil {
			return nil, fmt.Errorf("render the documentation: %w", err)
		}
		return b.Bytes(), nil
	}
	if s.page, err = render("page", c); err != nil {
		return nil, err
	}
	for _, p := range o.Problems {
		page, err := render("problem", problemPage{c, p})
		if err != nil {
			return nil, err
		}
		s.problems[p.Code] = s.html(page)
	}
	s.document = newAsset("application/yaml", "default-src 'none'; frame-ancestors 'none'", o.Document)
	return s, nil
}

type problemPage struct {
	API     *contract
	Problem Problem
}

// ServePage serves the page. Its curl lines name the address under which it was asked for, unless the document names
// another one.
func (s *Site) ServePage(w http.ResponseWriter, r *http.Request) {
	base := baseURL(r)
	if s.fixed {
		base = ""
	}
	s.at(base).serve(w, r)
}

// ServeDocument serves the document itself.
func (s *Site) ServeDocument(w http.ResponseWriter, r *http.Request) { s.document.serve(w, r) }

// ServeProblem serves the page of a problem, and reports false when there is none of this code.
func (s *Site) ServeProblem(w http.ResponseWriter, r *http.Request, code string) bool {
	page, ok := s.problems[code]
	if ok {
		page.serve(w, r)
	}
	return ok
}

// at returns the page with a base URL.
func (s *Site) at(base string) *asset {
	s.mu.Lock()
	defer s.mu.Unlock()
	if page, ok := s.pages[base]; ok {
		return page
	}
	if len(s.pages) >= basesMax {
		clear(s.pages)
	}
	page := s.html(bytes.ReplaceAll(s.page, []byte(baseMark), []byte(base)))
	s.pages[base] = page
	return page
}

func (s *Site) html(body []byte) *asset { return newAsset("text/html; charset=utf-8", s.policy, body) }

// plainHost matches the hosts that are shown. None of them needs to be escaped, in HTML or in a shell.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.\-]+(:[0-9]+)?$|^\[[0-9A-Fa-f:]+\](:[0-9]+)?$`)

// baseURL returns where the request has found the API.
func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	host := r.Host
	if !plainHost.MatchString(host) {
		host = "localhost"
	}
	return scheme + "://" + host
}

func contentSecurityPolicy() string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(styleCSS) + "; script-src " + hash(scriptJS) +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
