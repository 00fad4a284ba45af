package codec

import (
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// Converters turn values and errors into what Temporal stores. Clients, workers and replays of one
// namespace have the same.
type Converters struct {
	Data    converter.DataConverter
	Failure converter.FailureConverter
}

// NewConverters returns the SDK's own converters when there are no keys, and encrypting ones otherwise. Of a failure
// they encrypt the details, the message and the stack trace, which would otherwise stand in the history in the clear.
// Its type (the domain's error code) stays readable, and whether it may be retried, because the server goes by them.
// So do the names and ids of the activity or child.
func NewConverters(o Options) (Converters, error) {
	if len(o.Keys) == 0 {
		return Converters{Data: newDataConverter(converter.GetDefaultDataConverter()), Failure: temporal.GetDefaultFailureConverter()}, nil
	}
	c, err := New(o)
	if err != nil {
		return Converters{}, err
	}
	return c.Converters(), nil
}

// Converters returns the converters that go through this codec.
func (c *Codec) Converters() Converters {
	data := newDataConverter(converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c))
	return Converters{
		Data: data,
		// Decoding needs no flag: a message that was encrypted is always decrypted.
		Failure: failureConverter{temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
			DataConverter: data, EncodeCommonAttributes: !c.decryptOnly,
		})},
	}
}

// failureConverter leaves the failure that it converts as it is. The SDK's decrypts the message in place. With a
// failed local activity that is the failure which it then writes into the history: encrypted, and in the clear beside
// it (SDK v1.50).
type failureConverter struct{ converter.FailureConverter }

// FailureToError implements [converter.FailureConverter].
func (f failureConverter) FailureToError(failure *failurepb.Failure) error {
	return f.FailureConverter.FailureToError(proto.CloneOf(failure))
}

// DataConverter returns the data converter of [NewConverters] alone.
func DataConverter(keys ...Key) (converter.DataConverter, error) {
	c, err := NewConverters(Options{Keys: keys})
	return c.Data, err
}
