package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/config"
	"golang.org/x/oauth2/clientcredentials"
)

// brokerConfig returns how to reach Kafka, and what setup makes there. Errors: a file of the settings can't be used.
func brokerConfig(cfg config.Config, logger *slog.Logger) (broker.Config, error) {
	c := broker.Config{
		Brokers: cfg.Kafka.Brokers, ClientID: "orderloom", Partitions: cfg.Kafka.TopicPartitions, Replication: cfg.Kafka.TopicReplication,
		Retention: cfg.Kafka.TopicRetention, Settings: cfg.Kafka.TopicSettings, Group: cfg.Kafka.ProjectorGroup, Logger: logger,
	}
	var err error
	if c.TLS, err = clientTLS("Kafka", cfg.Kafka.TLS); err != nil {
		return c, err
	}
	if cfg.Kafka.SASL.Mechanism == "" {
		return c, nil
	}
	c.SASL, err = broker.Mechanism(broker.Credentials{
		Mechanism: cfg.Kafka.SASL.Mechanism, Username: cfg.Kafka.SASL.Username, Password: string(cfg.Kafka.SASL.Password),
		Token: tokens(cfg.Kafka.SASL),
	})
	return c, err
}

// tokens returns a source of access tokens: a file that others keep fresh, or an OAuth 2.0 server.
func tokens(cfg config.SASL) func(context.Context) (string, error) {
	if cfg.TokenFile != "" {
		return func(context.Context) (string, error) {
			token, err := os.ReadFile(cfg.TokenFile)
			if err != nil {
				return "", fmt.Errorf("read Kafka's access token: %w", err)
			}
			return strings.TrimSpace(string(token)), nil
		}
	}
	client := clientcredentials.Config{
		ClientID: cfg.Username, ClientSecret: string(cfg.Password), TokenURL: cfg.TokenURL, Scopes: cfg.TokenScopes,
	}
	// The source outlives each call, and keeps a token for as long as it is valid.
	source := client.TokenSource(context.Background())
	return func(context.Context) (string, error) {
		token, err := source.Token()
		if err != nil {
			return "", fmt.Errorf("ask for Kafka's access token: %w", err)
		}
		return token.AccessToken, nil
	}
}
