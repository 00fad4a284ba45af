// Package app wires the platform together: which parts a role runs, how they start, and in which order they stop.
// Nothing that is under way is lost by a stop.
//
//	cfg, err := config.Load(os.LookupEnv, config.RoleAll)
//	err = app.Setup(ctx, cfg, tel) // once, and after each upgrade
//	err = app.Run(ctx, cfg, app.Options{Roles: []config.Role{config.RoleAll}, Telemetry: tel})
package app
