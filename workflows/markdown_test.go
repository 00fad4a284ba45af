package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Fails where what customers and warehouses write is Markdown to those who look at sagas in the Web UI.
func TestWhatOthersWriteIsNoMarkdown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"lines[0].sku: changed_my_mind!":     "lines[0].sku: changed_my_mind!",
		"DHL JD014600004711":                 "DHL JD014600004711",
		"[log in](https://evil.example)":     `[log in]\(https:\//evil.example)`,
		"![x](https://evil.example/p.png)":   `![x]\(https:\//evil.example/p.png)`,
		"<img src=x onerror=alert(1)>":       `\<img src=x onerror=alert(1)\>`,
		`[log in]\(www.evil.example)`:        `[log in]\\(www\.evil.example)`,
		"a\n\n# **Last refusal:** `nothing`": "a  \\# \\*\\*Last refusal:\\*\\* \\`nothing\\`",
		"a | b ~~c~~":                        `a \| b \~\~c\~\~`,
	} {
		require.Equal(t, want, plain(text))
	}
}
