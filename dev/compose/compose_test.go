// Package compose holds tests of the repository's docker-compose.yml. The file is loaded as Docker would load it, so
// a broken file fails the build on machines without Docker too.
package compose_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/stretchr/testify/require"
)

const root = "../../"

// load reads the file strictly, with all profiles, and with the environment given and no other.
func load(t *testing.T, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{root + "docker-compose.yml"}, cli.WithEnv(env), cli.WithProfiles([]string{"*"}),
		cli.WithConsistency(true), cli.WithResolvedPaths(true))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

// ours are the services built from this repository.
var ours = []string{"api", "projector", "setup", "worker"}

// oneShot are the services that end when they are done.
var oneShot = []string{"setup", "temporal-schema"}

func TestTheWholePlatformIsThere(t *testing.T) {
	t.Parallel()
	services := load(t).Services
	var always, watching []string
	for name, service := range services {
		if slices.Equal(service.Profiles, []string{"observability"}) {
			watching = append(watching, name)
			continue
		}
		require.Empty(t, service.Profiles)
		always = append(always, name)
	}
	require.ElementsMatch(t, append([]string{"kafka", "postgres", "redis", "temporal", "temporal-schema", "temporal-ui"}, ours...), always)
	require.ElementsMatch(t, []string{"grafana", "jaeger", "prometheus"}, watching)
}

// TestPrometheusAsksEachProcess where it serves its metrics.
func TestPrometheusAsksEachProcess(t *testing.T) {
	t.Parallel()
	project := load(t)
	var scraped struct {
		Configs []struct {
			Name    string                       `yaml:"job_name"`
			Targets []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	text, err := os.ReadFile(root + "deploy/compose/prometheus.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &scraped))
	require.Equal(t, "orderloom", scraped.Configs[0].Name, "the alerts expect it")
	var want []string
	for _, name := range ours {
		if !slices.Contains(oneShot, name) {
			want = append(want, name+*project.Services[name].Environment["ORDERLOOM_OPERATIONS_ADDRESS"])
		}
	}
	require.ElementsMatch(t, want, scraped.Configs[0].Targets[0].Targets)
}

func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	exact := regexp.MustCompile(`^[a-z0-9/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$`)
	for name, service := range load(t).Services {
		t.Run(name, func(t *testing.T) {
			if slices.Contains(ours, name) {
				require.NotNil(t, service.Build, name)
				return
			}
			require.Regexp(t, exact, service.Image, name)
		})
	}
}

func TestImagesOfTheDockerfileArePinned(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(root + "Dockerfile")
	require.NoError(t, err)
	froms := regexp.MustCompile(`(?m)^FROM (?:--platform=\S+ )?(\S+)`).FindAllStringSubmatch(string(content), -1)
	require.Len(t, froms, 2)
	require.Regexp(t, `^golang:\d+\.\d+\.\d+-[a-z]+$`, froms[0][1])
	require.Equal(t, "scratch", froms[1][1])
	require.Regexp(t, `(?m)^USER \d+:\d+$`, string(content), "an ordinary user, by number")

	compiler := strings.TrimPrefix(strings.Split(froms[0][1], "-")[0], "golang:")
	module, err := os.ReadFile(root + "dev/go.mod")
	require.NoError(t, err)
	require.Contains(t, string(module), "\ngo "+compiler+"\n", "the image is built with the Go that is tested")
}

func TestEverythingThatServesIsAsked(t *testing.T) {
	t.Parallel()
	for name, service := range load(t).Services {
		t.Run(name, func(t *testing.T) {
			if slices.Contains(oneShot, name) {
				return
			}
			require.NotNil(t, service.HealthCheck, name)
			require.False(t, service.HealthCheck.Disable, name)
			require.NotEmpty(t, service.HealthCheck.Test, name)
			require.NotNil(t, service.HealthCheck.Interval, name)
			require.NotNil(t, service.HealthCheck.Timeout, name)
			require.Equal(t, "unless-stopped", service.Restart, name)
		})
	}
}

// TestNothingStartsBeforeWhatItNeeds follows depends_on: what ends is waited for to its end, what serves
// until it is healthy.
func TestNothingStartsBeforeWhatItNeeds(t *testing.T) {
	t.Parallel()
	project := load(t)
	for name, service := range project.Services {
		t.Run(name, func(t *testing.T) {
			for needed, dependency := range service.DependsOn {
				want := types.ServiceConditionHealthy
				if slices.Contains(oneShot, needed) {
					want = types.ServiceConditionCompletedSuccessfully
				}
				require.Equal(t, want, dependency.Condition, "%s needs %s", name, needed)
			}
		})
	}
	for name, needs := range map[string][]string{
		"api":             {"setup", "postgres", "kafka", "temporal", "redis"},
		"worker":          {"setup", "postgres", "kafka", "temporal"},
		"projector":       {"setup", "postgres", "kafka", "temporal", "redis"},
		"setup":           {"postgres", "kafka", "temporal"},
		"temporal":        {"postgres", "temporal-schema"},
		"temporal-ui":     {"temporal"},
		"temporal-schema": {"postgres"},
	} {
		t.Run(name+" after all that it needs", func(t *testing.T) { require.Subset(t, all(project, name), needs) })
	}
}

// all returns what a service depends on, and what that depends on.
func all(project *types.Project, name string) []string {
	var found []string
	for needed := range project.Services[name].DependsOn {
		found = append(found, needed)
		found = append(found, all(project, needed)...)
	}
	return found
}

func TestSettingsAreKnownAndRight(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, setting := range config.Settings {
		known[setting.Name] = true
	}
	roles := map[string]config.Role{
		"api": config.RoleAPI, "worker": config.RoleWorker, "projector": config.RoleProjector, "setup": config.RoleSetup,
	}
	for _, env := range [][]string{nil, {"ORDERLOOM_LOG_LEVEL=debug", "ORDERLOOM_POSTGRES_PASSWORD=other"}} {
		project := load(t, env...)
		for name, role := range roles {
			t.Run(name, func(t *testing.T) {
				environment := project.Services[name].Environment
				for variable := range environment {
					require.True(t, known[variable], "%s of %s is no setting of internal/config", variable, name)
				}
				_, err := config.Load(func(variable string) (string, bool) {
					value := environment[variable]
					if value == nil {
						return "", false
					}
					return *value, true
				}, role)
				require.NoError(t, err, name)
			})
		}
	}
}

// TestTheEnvironmentReachesTheFile checks that the variables which the file takes are documented: settings of the
// product, or the one password that several services share.
func TestTheEnvironmentReachesTheFile(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(root + "docker-compose.yml")
	require.NoError(t, err)
	example, err := os.ReadFile(root + ".env.example")
	require.NoError(t, err)
	for _, variable := range regexp.MustCompile(`[^$]\$\{([A-Z_]+)`).FindAllStringSubmatch(string(content), -1) {
		if variable[1] == "ORDERLOOM_POSTGRES_PASSWORD" {
			continue
		}
		require.Regexp(t, `(?m)^#?`+variable[1]+`=`, string(example))
	}
}

func TestWhatIsKeptLiesInVolumes(t *testing.T) {
	t.Parallel()
	project := load(t)
	for name, target := range map[string]string{
		"postgres": "/var/lib/postgresql/data", "kafka": "/var/lib/kafka/data", "worker": "/data",
	} {
		t.Run(name, func(t *testing.T) {
			volumes := project.Services[name].Volumes
			require.True(t, slices.ContainsFunc(volumes, func(v types.ServiceVolumeConfig) bool {
				_, declared := project.Volumes[v.Source]
				return v.Type == types.VolumeTypeVolume && v.Target == target && declared
			}))
		})
	}
}

func TestNothingIsOpenToTheNetwork(t *testing.T) {
	t.Parallel()
	for name, service := range load(t).Services {
		t.Run(name, func(t *testing.T) {
			for _, port := range service.Ports {
				require.Equal(t, "127.0.0.1", port.HostIP, "%s %s", name, port.Published)
			}
			if slices.Contains(ours, name) {
				require.True(t, service.ReadOnly, name)
				require.Equal(t, []string{"ALL"}, service.CapDrop, name)
			}
		})
	}
}

// TestFilesThatAreMountedExist because Docker would make an empty directory of one that is missing. Grafana gets a
// whole folder.
func TestFilesThatAreMountedExist(t *testing.T) {
	t.Parallel()
	for name, service := range load(t).Services {
		t.Run(name, func(t *testing.T) {
			for _, volume := range service.Volumes {
				if name == "grafana" && strings.HasSuffix(volume.Source, "/deploy/grafana") {
					require.DirExists(t, volume.Source)
				} else if volume.Type == types.VolumeTypeBind {
					require.FileExists(t, volume.Source, name)
				}
			}
		})
	}
}
