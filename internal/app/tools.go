package app

import (
	"context"
	"io"
	"net"

	"github.com/orderloom/orderloom/codec"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/worker"
	"go.temporal.io/sdk/client"
)

// Replay runs the command orderloom replay.
func Replay(ctx context.Context, cfg config.Config, args []string, stdin io.Reader, stdout io.Writer) error {
	converters, err := codec.NewConverters(payloadCodec(cfg.Temporal))
	if err != nil {
		return err
	}
	dial := func(ctx context.Context) (client.Client, error) {
		tel, err := telemetry.Setup(ctx, cfg.Telemetry, "replay")
		if err != nil {
			return nil, err
		}
		c, _, err := dialTemporal(cfg.Temporal, tel)
		return c, err
	}
	return replay.Command(ctx, args, stdout, replay.Deps{Sagas: worker.Sagas(), Data: converters.Data, Stdin: stdin, Dial: dial})
}

// EraseCustomer destroys the key of a customer's personal data. It may be repeated, and can't be undone.
func EraseCustomer(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, customerID string) error {
	pool, err := openPool(ctx, cfg.Database, tel)
	if err != nil {
		return err
	}
	defer pool.Close()
	vault, err := openVault(pool, cfg.Privacy)
	if err != nil {
		return err
	}
	return vault.Erase(ctx, customerID)
}

// ServeCodec runs the codec server until ctx ends.
func ServeCodec(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) error {
	c, err := codec.New(payloadCodec(cfg.Temporal))
	if err != nil {
		return err
	}
	return codec.Serve(ctx, c, codec.ServerOptions{
		Address: cfg.Codec.Address, Origins: cfg.Codec.Origins, Token: string(cfg.Codec.Token), Issuer: cfg.Codec.Issuer, Audience: cfg.Codec.Audience,
		Logger: tel.Logger, Listening: func(a net.Addr) { tel.Logger.InfoContext(ctx, "serving", "url", baseURL(a)) },
	})
}
