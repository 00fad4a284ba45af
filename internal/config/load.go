package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderloom/orderloom/domain"
)

// Role is a way to run the program: its first argument.
type Role string

// The roles that read settings.
const (
	RoleAPI       Role = "api"
	RoleWorker    Role = "worker"
	RoleProjector Role = "projector"
	RoleAll       Role = "all"
	RoleMigrate   Role = "migrate"
	RoleSetup     Role = "setup"
	// RoleCodecServer decrypts payloads for the Web UI.
	RoleCodecServer Role = "codec-server"
	// Commands that need more than the database.
	RoleReconcile  Role = "reconcile"
	RoleOrphans    Role = "orphans"
	RoleRecover    Role = "recover"
	RoleRewrapKeys Role = "rewrap-keys"
)

// Problem is one wrong or missing setting.
type Problem struct {
	// Name is the environment variable.
	Name string
	// Message says what it should be. It never repeats the value of a secret.
	Message string
}

// Problems is everything that is wrong with the environment.
type Problems []Problem

// Error names every problem on a line of its own.
func (p Problems) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d settings are wrong:", len(p))
	if len(p) == 1 {
		b.Reset()
		b.WriteString("a setting is wrong:")
	}
	for _, problem := range p {
		fmt.Fprintf(&b, "\n  %s %s", problem.Name, problem.Message)
	}
	return b.String()
}

// Load reads every setting through lookup, which is [os.LookupEnv] or stands in for it. It checks that what the given
// roles need is there; with no role it checks only what is set. A variable that is set to nothing or white space
// counts as not set.
//
// The error is [Problems], naming every wrong setting at once.
func Load(lookup func(string) (string, bool), roles ...Role) (Config, error) {
	var c Config
	var problems Problems
	set := map[string]bool{}
	for _, s := range Settings {
		value, _ := lookup(s.Name)
		if value = strings.TrimSpace(value); value == "" && s.Alias != "" {
			value, _ = lookup(s.Alias)
			value = strings.TrimSpace(value)
		}
		set[s.Name] = value != ""
		if value == "" {
			value = s.Default
		}
		if value == "" {
			if role, needed := needs(s.Required, roles); needed {
				problems = append(problems, Problem{s.Name, fmt.Sprintf("is required by %s: %s", role, s.Form)})
			}
			continue
		}
		if err := s.set(&c, value); err != nil {
			message := fmt.Sprintf("must be %s, got %q", s.Form, domain.Clip(value))
			if s.Secret {
				message = fmt.Sprintf("must be %s (the value is not shown)", s.Form)
			}
			if text := err.Error(); text != "" {
				message += ": " + text
			}
			problems = append(problems, Problem{s.Name, message})
		}
	}
	problems = append(problems, together(c, set, roles)...)
	if len(problems) > 0 {
		return Config{}, problems
	}
	return c, nil
}

// together checks what settings must be to each other.
func together(c Config, set map[string]bool, roles []Role) Problems {
	var problems Problems
	check := func(wrong bool, name, format string, args ...any) {
		if wrong {
			problems = append(problems, Problem{name, fmt.Sprintf(format, args...)})
		}
	}
	check(c.Database.ConnectionsMin > c.Database.ConnectionsMax && c.Database.ConnectionsMax > 0,
		"ORDERLOOM_DATABASE_CONNECTIONS_MIN", "must not be above ORDERLOOM_DATABASE_CONNECTIONS_MAX")
	check(c.HTTP.RequestTimeout >= c.HTTP.WriteTimeout && c.HTTP.WriteTimeout > 0,
		"ORDERLOOM_HTTP_REQUEST_TIMEOUT", "must be below ORDERLOOM_HTTP_WRITE_TIMEOUT, or a slow request gets no answer")
	for _, server := range []string{"TEMPORAL", "KAFKA", "REDIS"} {
		certificate, key := server+"_TLS_CLIENT_CERT_PATH", server+"_TLS_CLIENT_KEY_PATH"
		check(set[certificate] != set[key], certificate, "and %s must both be set, or neither", key)
	}
	kafkaTogether(c.Kafka, check)
	accessTogether(c, set, roles, check)
	check(set["ORDERLOOM_DEPLOYMENT"] != set["ORDERLOOM_BUILD_ID"],
		"ORDERLOOM_DEPLOYMENT", "and ORDERLOOM_BUILD_ID must both be set, or neither")
	problems = append(problems, gatewayProblems(c.Payment, roles)...)
	problems = append(problems, liveBesideTest(c)...)
	if role, needed := needs([]Role{RoleCodecServer}, roles); needed {
		check(c.Codec.Token == "" && c.Codec.Issuer == "",
			"ORDERLOOM_CODEC_ISSUER", "or ORDERLOOM_CODEC_TOKEN is required by %s, which would decrypt for everybody", role)
		check(set["ORDERLOOM_CODEC_ISSUER"] != set["ORDERLOOM_CODEC_AUDIENCE"],
			"ORDERLOOM_CODEC_AUDIENCE", "and ORDERLOOM_CODEC_ISSUER must both be set, or neither")
	}
	return problems
}

// kafkaTogether checks that what is said to Kafka is enough, and that nobody on the way can read it.
func kafkaTogether(k Kafka, check func(wrong bool, name, format string, args ...any)) {
	s, tokens := k.SASL, k.SASL.Mechanism == mechanismOAuth
	check(s.Mechanism == "" && (s.Username != "" || s.Password != "" || s.TokenFile != "" || s.TokenURL != ""),
		"KAFKA_SASL_MECHANISM", "must be set for the other KAFKA_SASL settings to be used")
	check(s.Mechanism != "" && !tokens && (s.Username == "" || s.Password == ""),
		"KAFKA_SASL_USERNAME", "and KAFKA_SASL_PASSWORD must both be set for KAFKA_SASL_MECHANISM=%s", s.Mechanism)
	check(tokens && (s.TokenFile == "") == (s.TokenURL == ""),
		"KAFKA_SASL_TOKEN_PATH", "or KAFKA_SASL_TOKEN_URL must be set for KAFKA_SASL_MECHANISM=%s, and not both", s.Mechanism)
	check(tokens && s.TokenURL != "" && (s.Username == "" || s.Password == ""),
		"KAFKA_SASL_USERNAME", "and KAFKA_SASL_PASSWORD must both be set for KAFKA_SASL_TOKEN_URL: the client's id and secret")
	check((s.Mechanism == "PLAIN" || tokens) && !k.TLS.Enabled,
		"KAFKA_TLS", "must be true for KAFKA_SASL_MECHANISM=%s, which would send the password or the token in the clear", s.Mechanism)
	check(k.SchemaRegistryUsername == "" && k.SchemaRegistryPassword != "",
		"SCHEMA_REGISTRY_USERNAME", "must be set with SCHEMA_REGISTRY_PASSWORD")
}

func needs(required, roles []Role) (Role, bool) {
	for _, r := range roles {
		if slices.Contains(required, r) {
			return r, true
		}
	}
	return "", false
}
