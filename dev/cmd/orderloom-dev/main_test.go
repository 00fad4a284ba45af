package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACommandLineIsRunExplainedOrRefused(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		command  string
		status   int
		out, err string
	}{
		"-data x run":            {command: "run"},
		"stack":                  {command: "stack"},
		"-h":                     {out: "usage: orderloom-dev"},
		"soak --help":            {out: "usage: orderloom-dev"},
		"":                       {status: exitUsage, err: "usage: orderloom-dev"},
		"bogus":                  {status: exitUsage, err: "usage: orderloom-dev"},
		"run bogus":              {status: exitUsage, err: "usage: orderloom-dev"},
		"-bogus run":             {status: exitUsage, err: "-bogus"},
		"-duration -1s soak":     {status: exitUsage, err: "-duration must be above 0"},
		"-kill-every 0s soak":    {status: exitUsage, err: "-kill-every must be above 0"},
		"-buyers 0 soak":         {status: exitUsage, err: "-buyers must be at least 1"},
		"-without kafka stack":   {command: "stack"},
		"-without redis stack":   {status: exitUsage, err: `-without must name kafka or temporal, got "redis"`},
		"-duration forever soak": {status: exitUsage, err: "invalid value"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			command, _, status := parse(strings.Fields(line), &out, &errs)
			require.Equal(t, want.command, command)
			require.Equal(t, want.status, status)
			require.Contains(t, out.String(), want.out)
			require.Contains(t, errs.String(), want.err)
			if want.err == "" {
				require.Empty(t, errs.String())
			}
		})
	}
}

// The demo closes the API by a key of its own, unless somebody has said who may call it.
func TestTheDemoHasAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	key, settings := closed(func(string) (string, bool) { return "", false }, true)
	open, _ := settings("ORDERLOOM_API_OPEN")
	require.Equal(t, "no", open)
	keys, _ := settings("ORDERLOOM_API_KEYS")
	require.Equal(t, fmt.Sprintf("demo:%x", sha256.Sum256([]byte(key))), keys)
	for _, name := range []string{"ORDERLOOM_API_OPEN", "ORDERLOOM_API_KEYS"} {
		key, settings = closed(func(asked string) (string, bool) { return "given", asked == name }, true)
		require.Empty(t, key)
		value, _ := settings(name)
		require.Equal(t, "given", value)
	}
}

// The samples are played also where the environment closes the API.
func TestTheSamplesHaveAKeyWhereTheAPIIsClosed(t *testing.T) {
	t.Parallel()
	for given, before := range map[string]string{"": "", "office:abc": "office:abc,"} {
		environment := map[string]string{"ORDERLOOM_API_OPEN": "no", "ORDERLOOM_API_KEYS": given}
		key, settings := closed(func(name string) (string, bool) { v, ok := environment[name]; return v, ok }, false)
		keys, _ := settings("ORDERLOOM_API_KEYS")
		require.Equal(t, before+fmt.Sprintf("demo:%x", sha256.Sum256([]byte(key))), keys)
	}
	key, _ := closed(func(string) (string, bool) { return "", false }, false)
	require.Empty(t, key, "it is open to this machine")
}
