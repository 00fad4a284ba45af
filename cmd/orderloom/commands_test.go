package main

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// call is what one command line has led to.
type call struct {
	code           int
	stdout, stderr string
}

// orderloom carries out a command line with these settings.
func orderloom(t *testing.T, environment map[string]string, arguments ...string) call {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, replayer: app.Replayer, lookup: func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}}
	code := p.run(t.Context(), arguments)
	return call{code, stdout.String(), stderr.String()}
}

// withoutEnvironment carries out a command line that must not read any setting.
func withoutEnvironment(t *testing.T, arguments ...string) call {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, lookup: func(name string) (string, bool) {
		t.Errorf("%v reads the setting %s", arguments, name)
		return "", false
	}}
	code := p.run(t.Context(), arguments)
	return call{code, stdout.String(), stderr.String()}
}

// everyCommand calls f with the words of every command, those of groups too.
func everyCommand(t *testing.T, f func(t *testing.T, c *cobra.Command, words []string)) {
	t.Helper()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		words := strings.Fields(c.CommandPath())[1:]
		t.Run(strings.Join(append([]string{"orderloom"}, words...), " "), func(t *testing.T) {
			t.Parallel()
			f(t, c, words)
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&program{}).root())
}

func TestEveryCommandExplainsItselfWithoutSettings(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command, words []string) {
		for _, arguments := range [][]string{append(words[:len(words):len(words)], "--help"), append(words[:len(words):len(words)], "-h"), append([]string{"help"}, words...)} {
			got := withoutEnvironment(t, arguments...)
			require.Zero(t, got.code, arguments)
			require.Empty(t, got.stderr)
			require.Contains(t, got.stdout, "Usage:\n  "+c.CommandPath())
			require.Equal(t, 1, strings.Count(got.stdout, "Usage:"), "the usage of one command only")
			require.Contains(t, got.stdout, "Exit status: 0 it is done")
			if len(words) > 0 {
				require.NotContains(t, got.stdout, "codec-server  ", "no list of other commands")
			}
		}
	})
}

func TestEveryCommandRefusesAWrongFlag(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command, words []string) {
		got := withoutEnvironment(t, append(words, "--bogus")...)
		require.Equal(t, exitUsage, got.code)
		require.Empty(t, got.stdout)
		require.Contains(t, got.stderr, "--bogus")
		require.Contains(t, got.stderr, `Run "`+c.CommandPath()+` --help"`)
	})
}

func TestEveryCommandRefusesASurplusArgument(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command, words []string) {
		arguments := words
		for range strings.Count(c.Use, "<") - strings.Count(c.Use, "--") {
			arguments = append(arguments, "2f7f2bd1-9d2c-4a0c-8a39-9bd7d3b5a2f1")
		}
		if c.Name() == "replay" { // it takes any number of files, but one with this flag
			arguments = append(arguments, "--run-id", "x")
		}
		got := withoutEnvironment(t, append(arguments, "bogus")...)
		require.Equal(t, exitUsage, got.code, got.stderr)
		if c.Name() != "replay" {
			require.Contains(t, got.stderr, `"bogus"`)
		}
	})
}

// A long flag with one dash was right before cobra, so people still write it.
func TestALongFlagWithOneDashIsToldHowItIsWritten(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command, words []string) {
		c.InitDefaultHelpFlag()
		c.Flags().VisitAll(func(f *pflag.Flag) {
			got := withoutEnvironment(t, append(words[:len(words):len(words)], "-"+f.Name)...)
			require.Equal(t, exitUsage, got.code)
			require.Contains(t, got.stderr, "write --"+f.Name+" instead of -"+f.Name)
		})
	})
	got := withoutEnvironment(t, "relay", "rewind", "-to=7")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.stderr, "write --to=7 instead of -to=7")
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	t.Parallel()
	const id, none = "2f7f2bd1-9d2c-4a0c-8a39-9bd7d3b5a2f1", "00000000-0000-0000-0000-000000000000"
	for line, message := range map[string]string{
		"bogus":                                  `orderloom has no command "bogus"`,
		"verfy":                                  `orderloom has no command "verfy", but verify`,
		"help bogus":                             `orderloom has no command "bogus"`,
		"help verify bogus":                      `orderloom has no command "verify bogus"`,
		"verify bogus":                           `orderloom verify does not take the argument "bogus"`,
		"parked":                                 "orderloom parked needs a command: list, show, retry, discard",
		"parked lst":                             `orderloom parked has no command "lst", but list`,
		"parked show orders":                     "orderloom parked show needs the argument <aggregate-id>",
		"parked show orders 7":                   `<aggregate-id> must be an id, a UUID, got "7"`,
		"parked discard orders " + id:            `required flag(s) "reason" not set`,
		"rebuild":                                "orderloom rebuild needs the argument <projection>",
		"rebuild --dry-run --drop-old timeline":  "none of the others can be",
		"relay":                                  "orderloom relay needs a command: status, rewind",
		"relay rewind":                           `required flag(s) "to" not set`,
		"relay rewind --to x":                    `invalid argument "x" for "--to"`,
		"relay rewind --to -1":                   "--to must not be below 0",
		"relay status x":                         `orderloom relay status does not take the argument "x"`,
		"replay":                                 "orderloom replay needs a file, a workflow id or a --query",
		"reconcile now":                          `orderloom reconcile does not take the argument "now"`,
		"reconcile --order 7":                    `--order must be an id, a UUID, got "7"`,
		"reconcile --since 1h --order " + id:     "--since does not go with --order",
		"reconcile --since yesterday":            `--since must be a duration such as 48h or a time such as 2026-11-26T08:00:00Z, got "yesterday"`,
		"reconcile --since -1h":                  "--since must be a duration of more than nothing",
		"reconcile --since 2999-01-01T00:00:00Z": `--since must lie in the past, got "2999-01-01T00:00:00Z"`,
		"reconcile -o xml":                       "must be table, json or yaml",
		"orders get 7":                           "<order-id> must be an id",
		"orders cancel " + id:                    `required flag(s) "reason" not set`,
		"orders list --limit 0":                  "--limit must be at least 1",
		"orders watch 7":                         "<order-id> must be an id",
		"orders place":                           "orderloom orders place needs the argument <file>",
		"events tail --order 7":                  "--order must be an id",
		"events show 7":                          "<event-id> must be an id",
		"streams show " + none:                   "<aggregate-id> must be an id",
		"completion tcsh":                        "<shell> must be one of bash, zsh, fish, powershell",
		"man":                                    "orderloom man needs the argument <directory>",
		"reconcile --order=":                     "--order is set to nothing",
		"reconcile --order " + none:              "--order must be an id",
		"reconcile --since 0001-01-01T00:00:00Z": "--since must not lie before 2000-01-01",
		"reconcile --since 2562047h":             "--since must not lie before 2000-01-01",
		"attention list --cause=":                "--cause is set to nothing",
		"attention show " + none:                 "<attention-id> must be an id",
		"attention retry " + none:                "<attention-id> must be an id",
		"attention retry " + id + " --order " + none:              "--order must be an id",
		"attention resolve " + none + " --amount 1 --reference r": "<attention-id> must be an id",
		"attention resolve " + id + " --amount 1 --reference=":    "--reference is set to nothing",
		"orphans resume " + none:                                  "<order-id> must be an id",
		"parked discard orders " + id + " --reason=":              "--reason is set to nothing",
		"parked retry orders " + none:                             "<aggregate-id> must be an id",
		"parked list --limit 0":                                   "--limit must be at least 1",
		"replay --query=":                                         "--query is set to nothing",
		"replay --limit 5 x":                                      "--limit goes with --query",
		"verify --no-kafka --expired":                             "none of the others can be",
		"recover --accept-loss":                                   "--accept-loss goes with --confirm",
		"partitions drop":                                         `orderloom partitions has no command "drop"`,
		"erase-customer":                                          "orderloom erase-customer needs the argument <customer-id>",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			got := withoutEnvironment(t, strings.Fields(line)...)
			require.Equal(t, exitUsage, got.code)
			require.Contains(t, got.stderr, message)
			require.Empty(t, got.stdout)
		})
	}
	got := withoutEnvironment(t, "erase-customer", "")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.stderr, "empty <customer-id>")
}

func TestAWrongSettingIsWrongUsage(t *testing.T) {
	t.Parallel()
	got := orderloom(t, nil, "migrate")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.stderr, "DATABASE_URL is required by migrate")
	require.NotContains(t, got.stderr, "--help", "the command line is right")
}

func TestAServerOutOfReachIsAFailure(t *testing.T) {
	t.Parallel()
	got := orderloom(t, map[string]string{"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "ORDERLOOM_DATABASE_CONNECT_TIMEOUT": "1s"}, "migrate")
	require.Equal(t, exitUnreachable, got.code)
	require.NotEmpty(t, got.stderr)
}

// Fails where a setting that the server refuses is told as any other failure.
func TestASettingThatTheServerRefusesIsAWrongSetting(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(pgtest.Database(t))
	require.NoError(t, err)
	u.Path = "/nowhere"
	for _, line := range []string{"migrate", "partitions list", "attention list", "verify --no-kafka"} {
		got := orderloom(t, map[string]string{"DATABASE_URL": u.String()}, strings.Fields(line)...)
		require.Equal(t, exitUsage, got.code, got.stderr)
		require.Contains(t, got.stderr, "DATABASE_URL")
		require.Contains(t, got.stderr, "3D000")
	}
}

func TestWithoutACommandAllAreListed(t *testing.T) {
	t.Parallel()
	got := withoutEnvironment(t)
	require.Zero(t, got.code)
	for _, c := range (&program{}).root().Commands() {
		require.Contains(t, got.stdout, "\n  "+c.Name()+" ")
	}
	require.Zero(t, withoutEnvironment(t, "version").code)
	require.Contains(t, withoutEnvironment(t, "settings").stdout, "| `DATABASE_URL` |")
}

// documented finds a command line in a code block of a document.
var documented = regexp.MustCompile(`(?m)^\$? ?orderloom ([a-z-]+.*)$`)

// word is a word of a command line, which may be quoted.
var word = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)

func TestDocumentedCommandLinesAreRight(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	more, err := filepath.Glob("../../*.md")
	require.NoError(t, err)
	found := 0
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range documented.FindAllStringSubmatch(string(text), -1) {
			line, _, _ := strings.Cut(m[1], "  ") // what it does stands behind
			line, _, _ = strings.Cut(line, " #")
			line, _, _ = strings.Cut(line, " | ")
			found++
			t.Run(filepath.Base(file)+"/"+line, func(t *testing.T) {
				t.Parallel()
				p := &program{}
				c, rest, err := p.root().Find(word.FindAllString(line, -1))
				require.NoError(t, err)
				p.arguments = rest
				require.True(t, c.HasParent(), "there is no such command")
				require.False(t, c.HasSubCommands(), "one of its commands is missing")
				require.NoError(t, c.ParseFlags(rest))
			})
		}
	}
	require.Greater(t, found, 15)
}

// Fails where a command demands the settings of a role that it does not run.
func TestCommandsDemandWhatTheyUseAlone(t *testing.T) {
	t.Parallel()
	const id = "2f7f2bd1-9d2c-4a0c-8a39-9bd7d3b5a2f1"
	const database, kafka, temporal, masterKeys = "DATABASE_URL", "KAFKA_BROKERS", "TEMPORAL_ADDRESS", "ORDERLOOM_MASTER_KEYS"
	demanded := regexp.MustCompile(`(\S+) is required by`)
	for line, want := range map[string][]string{
		"reconcile":                          {temporal},
		"orphans list":                       {database, temporal},
		"orphans resume":                     {database, temporal},
		"recover":                            {database, kafka, temporal},
		"verify":                             {database, kafka},
		"verify --no-kafka":                  {database},
		"relay status":                       {database, kafka},
		"relay rewind --to 1":                {database},
		"parked list":                        {database},
		"parked retry orders " + id:          {database},
		"rebuild orders":                     {database},
		"attention list":                     {database},
		"attention show " + id:               {database},
		"attention retry " + id:              {database, temporal, masterKeys},
		"erase-customer c":                   {database},
		"rewrap-keys":                        {database, masterKeys},
		"keys list":                          {database},
		"keys revoke " + id:                  {database},
		"keys rotate " + id:                  {database},
		"keys version " + id + " 2026-11-27": {database},
		"keys create --account a --name n --role admin": {database},
		"encryption-keys list":                          {database},
		"encryption-keys retire master k1":              {database},
		"partitions list":                               {database},
		"streams show " + id:                            {database},
		"orders resume " + id:                           {database, temporal},
		"migrate":                                       {database},
		"projector":                                     {database, kafka},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			got := orderloom(t, nil, strings.Fields(line)...)
			require.Equal(t, exitUsage, got.code)
			var names []string
			for _, m := range demanded.FindAllStringSubmatch(got.stderr, -1) {
				names = append(names, m[1])
			}
			require.ElementsMatch(t, want, names, got.stderr)
		})
	}
}

// Fails where a man page loses the words in angle brackets, which are tags to Markdown.
func TestEachCommandHasAManPageAndIsCompleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.Zero(t, withoutEnvironment(t, "man", dir).code)
	everyCommand(t, func(t *testing.T, c *cobra.Command, words []string) {
		text, err := os.ReadFile(filepath.Join(dir, strings.Join(append([]string{"orderloom"}, words...), "-")+".1"))
		require.NoError(t, err)
		page := strings.ReplaceAll(string(text), `\-`, "-")
		for _, argument := range regexp.MustCompile(`<[a-z-]+>`).FindAllString(c.Use, -1) {
			require.Contains(t, page, argument)
		}
	})
	require.Equal(t, exitUsage, withoutEnvironment(t, "man", filepath.Join(dir, "none")).code)
	for _, shell := range shells {
		got := withoutEnvironment(t, "completion", shell)
		require.Zero(t, got.code)
		require.Contains(t, got.stdout, "orderloom")
	}
	require.Contains(t, withoutEnvironment(t, "__complete", "orders", "").stdout, "place\t")
}

func TestWithoutAPlatformACommandFails(t *testing.T) {
	t.Parallel()
	got := orderloom(t, map[string]string{"ORDERLOOM_URL": "http://127.0.0.1:1"}, "orders", "get", "2f7f2bd1-9d2c-4a0c-8a39-9bd7d3b5a2f1")
	require.Equal(t, exitUnreachable, got.code)
	require.Contains(t, got.stderr, "127.0.0.1:1")
	got = orderloom(t, map[string]string{"ORDERLOOM_URL": "orders"}, "orders", "list")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.stderr, "ORDERLOOM_URL")
	got = orderloom(t, nil, "orders", "place", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, exitUsage, got.code)
}
