package config_test

import (
	"fmt"

	"github.com/orderloom/orderloom/internal/config"
)

func ExampleLoad() {
	env := map[string]string{"TEMPORAL_ADDRESS": "temporal:7233", "ORDERLOOM_HTTP_READ_TIMEOUT": "15"}
	_, err := config.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok }, config.RoleSetup)
	fmt.Println(err)
	// Output:
	// 2 settings are wrong:
	//   KAFKA_BROKERS is required by setup: host:port,host:port,…
	//   ORDERLOOM_HTTP_READ_TIMEOUT must be a duration from 100ms to 5m, got "15"
}
