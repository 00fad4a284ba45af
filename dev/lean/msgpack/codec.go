// Package codec has what gin calls for MessagePack, which the platform's API neither takes nor gives. Each call fails.
package codec

import (
	"errors"
	"io"
)

// ErrLeftOut is the error of every function.
var ErrLeftOut = errors.New("github.com/ugorji/go/codec is left out of the development build (dev/lean)")

// MsgpackHandle would be the format's settings.
type MsgpackHandle struct{}

// Encoder would write values.
type Encoder struct{}

// NewEncoder returns one that fails.
func NewEncoder(io.Writer, *MsgpackHandle) *Encoder { return &Encoder{} }

// Encode returns ErrLeftOut.
func (*Encoder) Encode(any) error { return ErrLeftOut }

// Decoder would read values.
type Decoder struct{}

// NewDecoder returns one that fails.
func NewDecoder(io.Reader, *MsgpackHandle) *Decoder { return &Decoder{} }

// Decode returns ErrLeftOut.
func (*Decoder) Decode(any) error { return ErrLeftOut }
