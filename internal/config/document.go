package config

import (
	"fmt"
	"strings"
)

// Document returns docs/configuration.md: every setting as Markdown.
func Document() string {
	var b strings.Builder
	b.WriteString(`# Settings

Every role of ` + "`orderloom`" + ` reads its settings from the environment when it starts. It refuses to start when one is
wrong or missing, and names all of them at once. A variable set to nothing counts as not set.

Durations are written like ` + "`30s`, `15m` or `72h`" + `. Values of settings marked *secret* appear in no log and no error
message. This page is printed from the table in internal/config: edit it there, then run ` + "`make generate`" + `.
`)
	for i, s := range Settings {
		if i == 0 || Settings[i-1].Group != s.Group {
			fmt.Fprintf(&b, "\n## %s\n\n| Variable | Default | Form | Meaning |\n|---|---|---|---|\n", s.Group)
		}
		def, help := "", s.Help
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		if len(s.Required) > 0 {
			help += " *Required by " + joinRoles(s.Required) + ".*"
		}
		if s.Secret {
			help += " *Secret.*"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Name, def, s.Form, help)
	}
	return b.String()
}

// DotEnv returns every setting in the form of a .env file. Those with a default are commented out; those without are
// filled with an example where there is one.
func DotEnv() string {
	var b strings.Builder
	b.WriteString("# Every setting of orderloom; docs/configuration.md says more. Printed from internal/config.\n")
	for i, s := range Settings {
		if i == 0 || Settings[i-1].Group != s.Group {
			fmt.Fprintf(&b, "\n# == %s ==\n", s.Group)
		}
		fmt.Fprintf(&b, "# %s\n# Form: %s", s.Help, s.Form)
		if len(s.Required) > 0 {
			b.WriteString("; required by " + joinRoles(s.Required))
		}
		b.WriteString(".\n")
		switch {
		case s.Default != "":
			fmt.Fprintf(&b, "#%s=%s\n", s.Name, s.Default)
		case len(s.Required) > 0:
			fmt.Fprintf(&b, "%s=%s\n", s.Name, s.Example)
		default:
			fmt.Fprintf(&b, "#%s=%s\n", s.Name, s.Example)
		}
	}
	return b.String()
}

// ChartList returns what the Helm chart knows of the settings, as YAML. That is their names and defaults, which are
// secrets, and which roles can't do without them.
func ChartList() string {
	var b strings.Builder
	b.WriteString("# Every setting of orderloom, for the checks of the chart. Printed from internal/config.\n")
	for _, s := range Settings {
		var about []string
		if s.Secret {
			about = append(about, "secret: true")
		}
		if s.Default != "" {
			about = append(about, fmt.Sprintf("default: %q", s.Default))
		}
		if len(s.Required) > 0 {
			about = append(about, "required: ["+joinRoles(s.Required)+"]")
		}
		fmt.Fprintf(&b, "%s: {%s}\n", s.Name, strings.Join(about, ", "))
	}
	return b.String()
}

func joinRoles(roles []Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}
