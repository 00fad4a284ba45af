package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var (
	alertName = regexp.MustCompile(`(?m)^\s+- alert: (\w+)\n(?:.*\n)*?\s+runbook_url: https://github\.com/orderloom/orderloom/blob/main/(\S+)$`)
	// runbookCommand is a command of ours, in a block or in a sentence.
	runbookCommand = regexp.MustCompile("(?m)(?:^|`)orderloom ([^`\n]+)")
	// runbookWord is a word of one, as a shell takes it.
	runbookWord  = regexp.MustCompile(`"[^"]*"|[^\s"]+`)
	runbookParts = []string{"\n## What customers notice\n", "\n## Look first at\n", "\n## Mend it\n", "\n## It is over when\n"}
)

// runbookLinesMax is what somebody reads who was woken up.
const runbookLinesMax = 60

// Each alert has a runbook, with all its parts, and each command that one names is a command with these flags.
func TestEachAlertHasARunbook(t *testing.T) {
	t.Parallel()
	const root = "../../"
	rules, err := os.ReadFile(root + "deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	alerts := alertName.FindAllStringSubmatch(string(rules), -1)
	require.Len(t, alerts, strings.Count(string(rules), "- alert: "), "each alert names its runbook")
	paragraphs := map[string]string{}
	for _, a := range alerts {
		name := a[1]
		require.Equal(t, "docs/runbooks/"+name+".md", a[2])
		text, err := os.ReadFile(root + a[2])
		require.NoError(t, err)
		page := string(text)
		require.True(t, strings.HasPrefix(page, "# "+name+"\n"), name)
		require.LessOrEqual(t, strings.Count(page, "\n"), runbookLinesMax, name)
		at := 0
		for _, part := range runbookParts {
			i := strings.Index(page, part)
			require.Greater(t, i, at, "%s lacks%s, or has it elsewhere", name, part)
			at = i
		}
		for _, m := range runbookCommand.FindAllStringSubmatch(page, -1) {
			requireCommand(t, name, runbookWord.FindAllString(placeholders(m[1]), -1))
		}
		meaning, _, _ := strings.Cut(strings.TrimPrefix(page, "# "+name+"\n"), runbookParts[0])
		require.Empty(t, paragraphs[meaning], "%s means what another one means", name)
		paragraphs[meaning] = name
	}
	pages, err := filepath.Glob(root + "docs/runbooks/Orderloom*.md")
	require.NoError(t, err)
	require.Len(t, pages, len(alerts), "a runbook belongs to an alert")
}

// named is a command of ours in a message, such as a remedy.
var named = regexp.MustCompile("\\\\?\"orderloom ([a-z][^\"\\\\]*)\\\\?\"")

// What the doctor, the alerts and all other messages tell people to do is a command, with flags that it takes.
func TestCommandsThatAreNamedExist(t *testing.T) {
	t.Parallel()
	files := []string{"../../deploy/prometheus/alerts.yml"}
	for _, place := range []string{"internal/app", "cmd/orderloom", "internal/config", "relay", "recovery", "orphans", "migrations", "broker"} {
		more, err := filepath.Glob("../../" + place + "/*.go")
		require.NoError(t, err)
		require.NotEmpty(t, more, place)
		files = append(files, more...)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1])
			if words[0] == "help" { // it is made when a command is run
				continue
			}
			requireNamed(t, file, words)
			found++
		}
	}
	require.Greater(t, found, 30)
}

// inText is a command of ours in the running text of a document. What stands for something ends it.
var inText = regexp.MustCompile("`orderloom ([a-z-][^`<…{]*)")

// A command that a document names in its text is there, with its flags.
func TestCommandsInTextExist(t *testing.T) {
	t.Parallel()
	found := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		pages, err := filepath.Glob("../../" + pattern)
		require.NoError(t, err)
		require.NotEmpty(t, pages, pattern)
		for _, page := range pages {
			text, err := os.ReadFile(page)
			require.NoError(t, err)
			for _, m := range inText.FindAllStringSubmatch(string(text), -1) {
				requireNamed(t, page, strings.Fields(m[1]))
				found++
			}
		}
	}
	require.Greater(t, found, 100)
}

// requireNamed demands that there is a command of these words, with these flags. It need not be whole. One word may
// stand for several, such as "list|show".
func requireNamed(t *testing.T, page string, words []string) {
	t.Helper()
	for i, word := range words {
		if strings.Contains(word, "|") {
			for one := range strings.SplitSeq(word, "|") {
				requireNamed(t, page, append(slices.Clone(words[:i]), one))
			}
			return
		}
	}
	command, rest, err := (&program{}).root().Find(words)
	require.NoError(t, err, "%s: orderloom %v", page, words)
	require.True(t, command.HasParent(), "%s: orderloom %v", page, words)
	if command.HasSubCommands() && len(rest) > 0 {
		require.True(t, strings.HasPrefix(rest[0], "-"), "%s: there is no orderloom %v", page, words)
	}
	for _, word := range rest {
		if flag, isFlag := strings.CutPrefix(word, "--"); isFlag && flag != "help" {
			require.NotNil(t, command.Flag(flag), "%s: orderloom %v has no flag %s", page, words, word)
		}
	}
}

// runbookID is what stands for an id in a runbook.
var runbookID = regexp.MustCompile(`\b[A-Z]+_ID\b`)

// placeholders puts something in the place of what a reader puts in.
func placeholders(command string) string {
	return strings.ReplaceAll(runbookID.ReplaceAllString(command, uuid.NewString()), "SEQUENCE", "17")
}

// requireCommand demands that words are a whole command of ours: with its arguments, and with flags that it takes.
func requireCommand(t *testing.T, page string, words []string) {
	t.Helper()
	command, rest, err := (&program{}).root().Find(words)
	require.NoError(t, err, "%s: orderloom %v", page, words)
	require.True(t, command.HasParent(), "%s: orderloom %v", page, words)
	require.False(t, command.HasSubCommands() && len(rest) > 0, "%s: orderloom %v", page, words)
	require.NoError(t, command.ParseFlags(rest), "%s: orderloom %v", page, words)
	require.NoError(t, command.ValidateRequiredFlags(), "%s: orderloom %v", page, words)
	require.NoError(t, command.ValidateFlagGroups(), "%s: orderloom %v", page, words)
	require.NoError(t, command.ValidateArgs(command.Flags().Args()), "%s: orderloom %v", page, words)
}
