package pricing

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/address"
	"github.com/shopspring/decimal"
)

// TaxClassStandard is the tax class of a line that names none.
const TaxClassStandard = "standard"

// TaxTable tells the taxes of each tax class, by country. An empty one knows no taxes.
type TaxTable []TaxTableRow

// TaxTableRow is the taxes of one class in one country, or in one subdivision of it.
type TaxTableRow struct {
	// Country is an ISO 3166-1 alpha-2 code. Subdivision is a state or province by its code, such as CA, or its name.
	// It is empty for all of the country that no other row is for.
	Country     string `json:"country"`
	Subdivision string `json:"subdivision,omitempty"`
	// TaxClass is the class of a line; empty for [TaxClassStandard].
	TaxClass string         `json:"tax_class,omitempty"`
	Taxes    []TaxTableRate `json:"taxes"`
}

// TaxTableRate is one tax of a row. Rate is a part of one: 0.19 for 19 %.
type TaxTableRate struct {
	Name string          `json:"name"`
	Rate decimal.Decimal `json:"rate"`
}

// ParseTaxTable reads a table from JSON: a list of rows. Error: [domain.Invalids], which name each wrong field by its
// path in the table; one without a path where it is no such list.
func ParseTaxTable(b []byte) (TaxTable, error) {
	var t TaxTable
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&t); err != nil {
		return nil, domain.Invalid("", "a tax table is a list of rows: %s", err)
	}
	var bad domain.Invalids
	seen := map[TaxQuestion]bool{}
	for i, row := range t {
		path := fmt.Sprintf("[%d]", i)
		if len(row.Country) != 2 {
			bad.Add(path+".country", "%q is no country code", domain.Clip(row.Country))
		}
		if _, closed := address.Subdivisions(row.Country); closed && row.Subdivision != "" {
			if _, known := address.Subdivision(row.Country, row.Subdivision); !known {
				bad.Add(path+".subdivision", "%q is no state or province of %s", domain.Clip(row.Subdivision), row.Country)
			}
		}
		row.Subdivision = address.SubdivisionKey(row.Country, row.Subdivision)
		t[i] = row
		if q := row.answers(); seen[q] {
			bad.Add(path, "another row is for the same")
		} else {
			seen[q] = true
		}
		var rules []TaxRule
		for _, rate := range row.Taxes {
			rules = append(rules, TaxRule{Name: rate.Name, Rate: rate.Rate})
		}
		checkTaxes(&bad, path+".taxes", rules, "")
	}
	return t, bad.Err()
}

// TaxQuestion asks for the taxes of a line.
type TaxQuestion struct {
	// Country and Subdivision are where the order goes. A subdivision may be named in any way that addresses take.
	Country, Subdivision string
	// TaxClass is the line's; empty for [TaxClassStandard].
	TaxClass string
}

// answers is the question that a row is for.
func (r TaxTableRow) answers() TaxQuestion {
	return TaxQuestion{Country: r.Country, Subdivision: r.Subdivision, TaxClass: r.TaxClass}.named()
}

func (q TaxQuestion) named() TaxQuestion {
	if q.TaxClass == "" {
		q.TaxClass = TaxClassStandard
	}
	return q
}

// Taxes returns the taxes of a line, to be computed: those of the row for its subdivision, or else of the row for its
// country. Included says whether prices contain them. There are none where no row is for the line.
func (t TaxTable) Taxes(q TaxQuestion, included bool) []TaxRule {
	q = q.named()
	q.Subdivision = address.SubdivisionKey(q.Country, q.Subdivision)
	everywhere := q
	everywhere.Subdivision = ""
	for _, wanted := range []TaxQuestion{q, everywhere} {
		for _, row := range t {
			if row.answers() != wanted {
				continue
			}
			rules := make([]TaxRule, len(row.Taxes))
			for i, rate := range row.Taxes {
				rules[i] = TaxRule{Name: rate.Name, Rate: rate.Rate, Included: included}
			}
			return rules
		}
	}
	return nil
}
