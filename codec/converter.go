package codec

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// Converters turn values and errors into what Temporal stores. Clients, workers and replays of one
// namespace have the same.
type Converters struct {
	Data    converter.DataConverter
	Failure converter.FailureConverter
}

// NewConverters returns the SDK's own converters when there are no keys, and encrypting ones
// otherwise. Of a failure they encrypt the details, and the message and the stack trace too, which
// would otherwise stand in the history in the clear; its type (the domain's error code), whether it may
// be retried, and the names and ids of the activity or child stay readable, because the server goes by
// them.
func NewConverters(o Options) (Converters, error) {
	if len(o.Keys) == 0 {
		return Converters{Data: converter.GetDefaultDataConverter(), Failure: temporal.GetDefaultFailureConverter()}, nil
	}
	c, err := New(o)
	if err != nil {
		return Converters{}, err
	}
	return c.Converters(), nil
}

// Converters returns the converters that go through this codec.
func (c *Codec) Converters() Converters {
	data := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)
	return Converters{
		Data: data,
		// Decoding needs no flag: a message that was encrypted is always decrypted.
		Failure: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
			DataConverter: data, EncodeCommonAttributes: !c.decryptOnly,
		}),
	}
}

// DataConverter returns the data converter of [NewConverters] alone.
func DataConverter(keys ...Key) (converter.DataConverter, error) {
	c, err := NewConverters(Options{Keys: keys})
	return c.Data, err
}
