package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/twmb/franz-go/pkg/sr"
)

// CodeIncompatibleSchema is the code of the error when a schema differs from the one that was published under
// its name and version.
const CodeIncompatibleSchema domain.ErrorCode = "incompatible_schema"

// registryTimeout bounds one request to the schema registry.
const registryTimeout = 10 * time.Second

// Schema is the JSON Schema of one version of an event's payload.
type Schema struct {
	EventType string
	Version   int
	JSON      json.RawMessage
}

// subject is the name in the registry, by which a consumer finds the schema: that of the topic and the record, with
// its version. A version of an event is never changed, so the next one is another record.
func (s Schema) subject() string {
	return fmt.Sprintf("%s-%s%s.v%d", Topic(catalog.AggregateType(s.EventType)), typePrefix, s.EventType, s.Version)
}

// Schemas reads the schemas of a file system with files named <EventType>.v<version>.json, such as docs/events.
func Schemas(files fs.FS) ([]Schema, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	var schemas []Schema
	for _, name := range names {
		eventType, version, err := parseType(typePrefix + strings.TrimSuffix(name, ".json"))
		if err != nil || catalog.AggregateType(eventType) == "" {
			return nil, fmt.Errorf("schema %s is not of an event that is known", name)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read schema %s: %w", name, err)
		}
		schemas = append(schemas, Schema{EventType: eventType, Version: version, JSON: text})
	}
	return schemas, nil
}

// Registry knows where the schema of each event type and version is registered. It is safe for concurrent use.
type Registry struct {
	at      RegistryAt
	schemas []Schema

	mu         sync.RWMutex
	references map[schemaKey]string
}

// NewRegistry returns a registry that was not asked yet, and knows no schema until then.
func NewRegistry(at RegistryAt, schemas []Schema) *Registry {
	return &Registry{at: at, schemas: schemas}
}

// Load finds out where the schemas are that [RegisterSchemas] has registered. It knows either all of them or what it
// knew before, and may be repeated. Errors: not_registered.
func (r *Registry) Load(ctx context.Context) error {
	client, err := registryClient(r.at)
	if err != nil {
		return err
	}
	references, err := lookUp(ctx, client, r.at.URL, r.schemas)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.references = references
	return nil
}

// Await is [Registry.Load] until it succeeds, with pauses. Errors: those of ctx.
func (r *Registry) Await(ctx context.Context) error {
	wait := backoff.New()
	for r.Load(ctx) != nil {
		if err := wait.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

type schemaKey struct {
	eventType string
	version   int
}

// reference returns the URI of an event's schema, "" when there is none. A nil registry has none.
func (r *Registry) reference(env domain.Envelope) string {
	if r == nil {
		return ""
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.references[schemaKey{env.EventType, env.EventVersion}]
}

// RegistryAt says where a Confluent-compatible registry is. Without a user name it is asked without authentication.
type RegistryAt struct{ URL, Username, Password string }

// RegisterSchemas registers what is missing in a registry, and returns where all
// of them are. It checks everything before it registers anything, and may be repeated.
//
// Errors: incompatible_schema when a consumer of what is registered could not read events of the schema given, or the
// other way round. The event then needs a new version. Not every registry enforces that, so it is checked here.
func RegisterSchemas(ctx context.Context, at RegistryAt, schemas []Schema) (*Registry, error) {
	client, err := registryClient(at)
	if err != nil {
		return nil, err
	}
	var missing []Schema
	for _, s := range schemas {
		present, err := client.SchemaByVersion(ctx, s.subject(), -1)
		switch {
		case isNotFound(err):
			missing = append(missing, s)
			continue
		case err != nil:
			return nil, fmt.Errorf("look up schema %s: %w", s.subject(), err)
		}
		if same, err := compatible(s, json.RawMessage(present.Schema.Schema)); err != nil {
			return nil, err
		} else if !same {
			missing = append(missing, s)
		}
	}
	for _, s := range missing {
		if _, err := client.CreateSchema(ctx, s.subject(), sr.Schema{Schema: string(s.JSON), Type: sr.TypeJSON}); err != nil {
			return nil, fmt.Errorf("register schema %s: %w", s.subject(), err)
		}
		for _, r := range client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, s.subject()) {
			if r.Err != nil {
				return nil, fmt.Errorf("set the compatibility of %s: %w", s.subject(), r.Err)
			}
		}
	}
	r := NewRegistry(at, schemas)
	return r, r.Load(ctx)
}

func registryClient(at RegistryAt) (*sr.Client, error) {
	options := []sr.ClientOpt{sr.URLs(at.URL), sr.HTTPClient(&http.Client{Timeout: registryTimeout})}
	if at.Username != "" {
		options = append(options, sr.BasicAuth(at.Username, at.Password))
	}
	client, err := sr.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	return client, nil
}

// CodeNotRegistered refuses to work with a registry that lacks a schema.
const CodeNotRegistered domain.ErrorCode = "not_registered"

func lookUp(ctx context.Context, client *sr.Client, url string, schemas []Schema) (map[schemaKey]string, error) {
	references := map[schemaKey]string{}
	for _, s := range schemas {
		present, err := client.SchemaByVersion(ctx, s.subject(), -1)
		switch {
		case isNotFound(err):
			return nil, domain.Refuse(CodeNotRegistered, "schema %s is not in the registry: run \"orderloom setup\"", s.subject())
		case err != nil:
			return nil, fmt.Errorf("look up schema %s: %w", s.subject(), err)
		}
		references[schemaKey{s.EventType, s.Version}] = fmt.Sprintf("%s/schemas/ids/%d", strings.TrimRight(url, "/"), present.ID)
	}
	return references, nil
}

func isNotFound(err error) bool {
	var e *sr.ResponseError
	return errors.As(err, &e) && e.StatusCode == http.StatusNotFound
}

// compatible compares a schema with the registered one. same means that nothing needs to be registered. What may
// change within a version is only what no reader notices: texts for people, and optional properties that are new.
func compatible(s Schema, registered json.RawMessage) (same bool, err error) {
	var before, now any
	if err := errors.Join(json.Unmarshal(registered, &before), json.Unmarshal(s.JSON, &now)); err != nil {
		return false, fmt.Errorf("read schema %s: %w", s.subject(), err)
	}
	before, now = withoutTexts(before), withoutTexts(now)
	if reflect.DeepEqual(before, now) {
		return true, nil
	}
	if why := breaks("", before, now); why != "" {
		return false, domain.Refuse(CodeIncompatibleSchema,
			"the schema of %s version %d differs from the one that is registered: %s; give the changed event the next version", s.EventType, s.Version, why)
	}
	return false, nil
}

// withoutTexts drops what is only for people.
func withoutTexts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			_, text := e.(string)
			if text && slices.Contains([]string{"title", "description", "$id", "$comment", "$schema"}, k) {
				continue
			}
			out[k] = withoutTexts(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = withoutTexts(v[i])
		}
		return out
	}
	return v
}

// breaks says in which way one side could not read what the other writes; "" when each can.
func breaks(path string, before, now any) string {
	b, ok1 := before.(map[string]any)
	n, ok2 := now.(map[string]any)
	if !ok1 || !ok2 {
		if !reflect.DeepEqual(before, now) {
			return fmt.Sprintf("%s changed", nameOf(path))
		}
		return ""
	}
	keys := maps.Clone(b)
	maps.Copy(keys, n)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		old, was := b[k]
		value, is := n[k]
		at := path + "/" + k
		switch {
		case was && is:
			if why := breaks(at, old, value); why != "" {
				return why
			}
		case was:
			return fmt.Sprintf("%s is gone", nameOf(at))
		case strings.HasSuffix(path, "/properties") || strings.HasSuffix(path, "/$defs"):
			// A new property; that it is optional follows from "required" being the same.
		default:
			return fmt.Sprintf("%s is new", nameOf(at))
		}
	}
	return ""
}

func nameOf(path string) string {
	if path == "" {
		return "it"
	}
	return path
}
