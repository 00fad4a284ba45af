package address_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/address"
	"github.com/stretchr/testify/require"
)

func fields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var bad domain.Invalids
	require.ErrorAs(t, err, &bad)
	var names []string
	for _, e := range bad {
		names = append(names, e.Field)
	}
	return names
}

// Addresses as people write them. Each is one of a country's own post or of Google's examples, or differs from it only
// as people's habits do.
var real = map[string]address.Address{
	"Berlin":                            {Line1: "Straße des 17. Juni 135", City: "Berlin", Zip: "10623", Country: "DE"},
	"Berlin, with the vehicle's code":   {Line1: "Straße des 17. Juni 135", City: "Berlin", Zip: "D-10623", Country: "DE"},
	"London":                            {Line1: "10 Downing Street", City: "London", Zip: "SW1A 2AA", Country: "GB"},
	"London, in one word":               {Line1: "10 Downing Street", City: "London", Zip: "sw1a2aa", Country: "GB"},
	"British forces":                    {Line1: "Sgt A Jones", City: "BFPO", Zip: "BFPO 61", Country: "GB"},
	"Hong Kong, without a zip":          {Line1: "1 Austin Road West", City: "Tsim Sha Tsui", State: "Kowloon", Country: "HK"},
	"Hong Kong, with a zip for a form":  {Line1: "1 Austin Road West", City: "Tsim Sha Tsui", State: "Kowloon", Zip: "000000", Country: "HK"},
	"Dubai, without a zip and a city":   {Line1: "Sheikh Mohammed bin Rashid Blvd 1", State: "Dubai", Country: "AE"},
	"Doha, without a zip":               {Line1: "Al Corniche Street", City: "Doha", Country: "QA"},
	"Ireland, without an Eircode":       {Line1: "The Old Forge", City: "Ballyvaughan", State: "Co. Clare", Country: "IE"},
	"Ireland, with an Eircode":          {Line1: "1 Grand Canal Square", City: "Dublin 2", Zip: "D02 P820", Country: "IE"},
	"Tokyo, in Japanese":                {Line1: "千代田区千代田1-1", State: "東京都", Zip: "〒１００－０００１", Country: "JP"},
	"Tokyo, in Latin letters":           {Line1: "1-1 Chiyoda", City: "Chiyoda-ku", State: "Tokyo", Zip: "1000001", Country: "JP"},
	"Seoul, with a district":            {Line1: "세종대로 110", DependentLocality: "중구", City: "서울", State: "서울특별시", Zip: "04524", Country: "KR"},
	"Korea's province of 2023":          {Line1: "중앙로 1", City: "춘천시", State: "강원특별자치도", Zip: "24266", Country: "KR"},
	"Indonesia's province of 2022":      {Line1: "Jalan Ahmad Yani 1", City: "Sorong", State: "Papua Barat Daya", Zip: "98411", Country: "ID"},
	"New York, by code":                 {Line1: "350 5th Ave", Line2: "Fl 86", City: "New York", State: "NY", Zip: "10118-0110", Country: "US"},
	"New York, by name":                 {Line1: "350 5th Ave", City: "New York", State: "new york", Zip: "101180110", Country: "US"},
	"a soldier of the United States":    {Line1: "Unit 2050 Box 4190", City: "APO", State: "AP", Zip: "96278-2050", Country: "US"},
	"Québec, in French":                 {Line1: "1045 rue des Parlementaires", City: "Québec", State: "Québec", Zip: "g1a-1a3", Country: "CA"},
	"São Paulo, without accents":        {Line1: "Avenida Paulista 1578", City: "Sao Paulo", State: "Sao Paulo", Zip: "01310200", Country: "BR"},
	"Australia, by name":                {Line1: "1 Parliament Dr", City: "Canberra", State: "Australian Capital Territory", Zip: "2600", Country: "AU"},
	"Amsterdam":                         {Line1: "Dam 1", City: "Amsterdam", Zip: "1012js", Country: "NL"},
	"Stockholm, with a country's code":  {Line1: "Slottsbacken 1", City: "Stockholm", Zip: "SE-111 30", Country: "SE"},
	"Riga, without the country's code":  {Line1: "Pils laukums 3", City: "Rīga", Zip: "1050", Country: "LV"},
	"Lisbon, without the hyphen":        {Line1: "Praça do Comércio 1", City: "Lisboa", Zip: "1100 148", Country: "PT"},
	"Rome":                              {Line1: "Piazza del Quirinale", City: "Roma", State: "RM", Zip: "00187", Country: "IT"},
	"Italy's province of 2025":          {Line1: "Via Roma 1", City: "Olbia", State: "Gallura Nord-Est Sardegna", Zip: "07026", Country: "IT"},
	"Kazakhstan's zip of 2015":          {Line1: "Dostyk 1", City: "Astana", Zip: "Z05H9B0", Country: "KZ"},
	"Nairobi, without a zip":            {Line1: "Harambee Avenue", City: "Nairobi", Country: "KE"},
	"Kosovo":                            {Line1: "Rruga Nëna Terezë 1", City: "Prishtinë", Zip: "10000", Country: "XK"},
	"a palace that is its own address":  {Line1: "Cité du Vatican", City: "Vatican City", Country: "VA"},
	"Panama, where nobody has a number": {Line1: "De la iglesia 200 m al norte, casa azul", City: "Boquete", Country: "PA"},
}

func TestRealAddressesPass(t *testing.T) {
	t.Parallel()
	for name, a := range real {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, address.Check("a", a))
		})
	}
}

func TestWhatACountryRequiresIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a     address.Address
		wrong []string
	}{
		"nothing":                         {address.Address{}, []string{"a.line1", "a.country"}},
		"Germany":                         {address.Address{Country: "DE"}, []string{"a.line1", "a.city", "a.zip"}},
		"the United States":               {address.Address{Country: "US"}, []string{"a.line1", "a.city", "a.state", "a.zip"}},
		"Hong Kong":                       {address.Address{Country: "HK"}, []string{"a.line1", "a.state"}},
		"Qatar":                           {address.Address{Country: "QA"}, []string{"a.line1", "a.city"}},
		"Japan":                           {address.Address{Country: "JP"}, []string{"a.line1", "a.state", "a.zip"}},
		"a zip of another country":        {address.Address{Line1: "Dam 1", City: "Amsterdam", Zip: "10119", Country: "NL"}, []string{"a.zip"}},
		"a zip that is a word":            {address.Address{Line1: "Dam 1", City: "Berlin", Zip: "none", Country: "DE"}, []string{"a.zip"}},
		"a state that is none":            {address.Address{Line1: "1 Main St", City: "Reno", State: "XX", Zip: "89501", Country: "US"}, []string{"a.state"}},
		"a state of another country":      {address.Address{Line1: "1 Main St", City: "Reno", State: "QC", Zip: "89501", Country: "US"}, []string{"a.state"}},
		"a city of characters of no size": {address.Address{Line1: "Dam 1", City: "\u200b\u3164\u2800", Zip: "10119", Country: "DE"}, []string{"a.city"}},
		"a line with a control character": {address.Address{Line1: "Dam\n1", Line2: "\x00", City: "B", Zip: "10119", Country: "DE"}, []string{"a.line1", "a.line2"}},
		"an unknown country":              {address.Address{Line1: "Dam 1", Country: "UK"}, []string{"a.country"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.wrong, fields(t, address.Check("a", c.a)))
		})
	}
}

// A refusal must not repeat an address, nor megabytes of it.
func TestRefusalsTellNothingOfAnAddress(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 100_000)
	err := address.Check("a", address.Address{Line1: long, Line2: long, DependentLocality: long, City: long, State: long, Zip: long, Country: long})
	require.Len(t, fields(t, err), 7)
	require.Less(t, len(err.Error()), 1_000)
	err = address.Check("a", address.Address{Line1: "Secret 1", City: "Secret 2", State: "Secret 3", Zip: "Secret 4", Country: "US"})
	require.Equal(t, []string{"a.zip", "a.state"}, fields(t, err))
	require.NotContains(t, err.Error(), "Secret")
}

// The table is whole: each country has a pattern that compiles and fits its own examples, and a label of all its parts.
func TestTheTableIsWhole(t *testing.T) {
	t.Parallel()
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := fmt.Sprintf("%c%c", a, b)
			if !address.Known(code) {
				continue
			}
			n++
			for _, zip := range address.ZipExamples(code) {
				require.True(t, address.HasZip(code, zip), "%s %s", code, zip)
			}
			divisions, _ := address.Subdivisions(code)
			for _, d := range divisions {
				found, ok := address.Subdivision(code, d.Name)
				require.True(t, ok, "%s %s", code, d.Name)
				require.Equal(t, d.Key, found.Key, "%s %s", code, d.Name)
			}
			label := address.Address{Line1: "L1", City: "C", State: "S", Zip: "Z", Country: code}.Label(address.Addressee{Name: "N", Company: "O"}, address.Latin)
			require.Subset(t, label, []string{"N", "O"}, code)
			require.NotContains(t, strings.Join(label, ""), "%", code)
		}
	}
	require.Equal(t, 252, n, "the 249 officially assigned codes of ISO 3166-1, and Ascension, Tristan da Cunha and Kosovo")
}

func TestASubdivisionIsFoundByCodeAndName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ country, text, code, key string }{
		{"US", "CA", "US-CA", "CA"},
		{"US", "us-ca", "US-CA", "CA"},
		{"US", " california ", "US-CA", "CA"},
		{"US", "D.C.", "US-DC", "DC"},
		{"US", "guam", "", "GU"},
		{"CA", "Île-du-Prince-Édouard", "CA-PE", "PE"},
		{"ES", "Bizkaia", "", "BI"},
		{"JP", "Tokyo", "JP-13", "東京都"},
		{"AE", "Dubai", "AE-DU", "إمارة دبيّ"},
		{"CN", "北京市", "CN-11", "北京市"},
	} {
		t.Run(c.country+" "+c.text, func(t *testing.T) {
			t.Parallel()
			d, ok := address.Subdivision(c.country, c.text)
			require.True(t, ok)
			require.Equal(t, c.code, d.Code)
			require.Equal(t, c.key, d.Key)
		})
	}
	for _, c := range [][2]string{{"US", ""}, {"US", "--"}, {"US", "Bavaria"}, {"DE", "Bayern"}, {"UK", "England"}} {
		_, ok := address.Subdivision(c[0], c[1])
		require.False(t, ok, "%v", c)
	}
}
