package config_test

import (
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/stretchr/testify/require"
)

// FuzzLoad gives anything to each setting. It is taken, or named as wrong, and the value of a secret is never repeated.
func FuzzLoad(f *testing.F) {
	for i, s := range config.Settings {
		f.Add(i, s.Default)
		f.Add(i, complete()[s.Name])
	}
	for _, value := range []string{"-1", "1e99", "9223372036854775808", "1h60m", "::", "a:b:c:d", ",", "=", "%", "postgres://%zz", "berlin:DE,berlin:DE", "\x00", "\xff", "[::1]:0"} {
		for i := range config.Settings {
			f.Add(i, value)
		}
	}
	f.Fuzz(func(t *testing.T, i int, value string) {
		s := config.Settings[(i%len(config.Settings)+len(config.Settings))%len(config.Settings)]
		environment := complete()
		environment[s.Name] = value
		_, err := config.Load(lookup(environment), config.RoleAll)
		if err == nil {
			return
		}
		require.NotEmpty(t, names(t, err))
		if value = strings.TrimSpace(value); s.Secret && len(value) > 8 {
			require.NotContains(t, err.Error(), value)
		}
	})
}
