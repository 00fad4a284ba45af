package order

import "github.com/orderloom/orderloom/domain/address"

// KnownCountry reports whether code is that of a country or territory that post goes to: see [address.Known].
func KnownCountry(code string) bool { return address.Known(code) }
