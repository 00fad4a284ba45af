// Package config reads the platform's settings from the environment, all in one place.
//
// [Settings] is the one table of them: name, default, form, meaning, and which roles can't do without. [Load] reads
// them by it and names everything that is wrong at once. So a first start does not take as many attempts as there are
// mistakes. docs/configuration.md, the .env example and the list of the Helm chart are printed from the same table
// ([Document], [DotEnv], [ChartList]).
//
// Defaults live here and nowhere else: internal/app passes every value on.
//
//	cfg, err := config.Load(os.LookupEnv, config.RoleWorker)
//
// Values that must not be seen have the type [Secret] or [MasterKey], which print as "[secret]"
// whatever prints them.
package config

//go:generate go run ./generate ../../docs/configuration.md ../../.env.example ../../deploy/helm/orderloom/files/settings.yaml
