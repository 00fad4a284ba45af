package pricing_test

import (
	"os"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/stretchr/testify/require"
)

const table = `[
	{"country":"DE","taxes":[{"name":"MwSt","rate":"0.19"}]},
	{"country":"DE","tax_class":"reduced","taxes":[{"name":"MwSt","rate":"0.07"}]},
	{"country":"CA","taxes":[{"name":"GST","rate":"0.05"}]},
	{"country":"CA","subdivision":"QC","taxes":[{"name":"GST","rate":"0.05"},{"name":"QST","rate":"0.09975"}]},
	{"country":"US","subdivision":"California","taxes":[{"name":"sales tax","rate":"0.0725"}]}
]`

func TestTheTableAnswersTheNearestRow(t *testing.T) {
	t.Parallel()
	taxes, err := pricing.ParseTaxTable([]byte(table))
	require.NoError(t, err)
	for _, c := range []struct {
		pricing.TaxQuestion
		want []string
	}{
		{pricing.TaxQuestion{Country: "DE"}, []string{"MwSt 0.19"}},
		{pricing.TaxQuestion{Country: "DE", Subdivision: "BE", TaxClass: "standard"}, []string{"MwSt 0.19"}},
		{pricing.TaxQuestion{Country: "DE", TaxClass: "reduced"}, []string{"MwSt 0.07"}},
		{pricing.TaxQuestion{Country: "DE", TaxClass: "books"}, nil},
		{pricing.TaxQuestion{Country: "CA", Subdivision: "QC"}, []string{"GST 0.05", "QST 0.09975"}},
		{pricing.TaxQuestion{Country: "CA", Subdivision: "Québec"}, []string{"GST 0.05", "QST 0.09975"}},
		{pricing.TaxQuestion{Country: "CA", Subdivision: " quebec"}, []string{"GST 0.05", "QST 0.09975"}},
		{pricing.TaxQuestion{Country: "CA", Subdivision: "AB"}, []string{"GST 0.05"}},
		{pricing.TaxQuestion{Country: "US", Subdivision: "CA"}, []string{"sales tax 0.0725"}},
		{pricing.TaxQuestion{Country: "US"}, nil},
	} {
		for _, included := range []bool{true, false} {
			var got []string
			for _, rule := range taxes.Taxes(c.TaxQuestion, included) {
				require.Equal(t, included, rule.Included)
				require.Nil(t, rule.Amount)
				got = append(got, rule.Name+" "+rule.Rate.String())
			}
			require.Equal(t, c.want, got, "%+v", c.TaxQuestion)
		}
	}
	require.Nil(t, pricing.TaxTable(nil).Taxes(pricing.TaxQuestion{Country: "DE"}, true))
}

// The table that docs/money.md shows is one.
func TestTheTableOfTheDocumentIsTaken(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/money.md")
	require.NoError(t, err)
	_, block, found := strings.Cut(string(page), "```json\n")
	require.True(t, found)
	block, _, _ = strings.Cut(block, "```")
	taxes, err := pricing.ParseTaxTable([]byte(block))
	require.NoError(t, err)
	require.Len(t, taxes.Taxes(pricing.TaxQuestion{Country: "CA", Subdivision: "QC"}, true), 2)
}

func TestAWrongTableNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, field := range map[string]string{
		`{}`:                                 "",
		`[{"country":"DE","rates":[]}]`:      "",
		`[{"country":"Germany","taxes":[]}]`: "[0].country",
		`[{"country":"DE","taxes":[{"name":"","rate":"0.1"}]}]`:                                                   "[0].taxes[0].name",
		`[{"country":"DE","taxes":[{"name":"a","rate":"-1"}]}]`:                                                   "[0].taxes[0].rate",
		`[{"country":"DE","taxes":[]},{"country":"DE","tax_class":"standard","taxes":[]}]`:                        "[1]",
		`[{"country":"US","subdivision":"Nirvana","taxes":[]}]`:                                                   "[0].subdivision",
		`[{"country":"US","subdivision":"CA","taxes":[]},{"country":"US","subdivision":"California","taxes":[]}]`: "[1]",
	} {
		_, err := pricing.ParseTaxTable([]byte(text))
		require.Equal(t, domain.CodeInvalid, domain.Code(err), text)
		var one *domain.Error
		var all domain.Invalids
		if field == "" {
			require.ErrorAs(t, err, &one, text)
			continue
		}
		require.ErrorAs(t, err, &all, text)
		require.Len(t, all, 1, text)
		require.Equal(t, field, all[0].Field, text)
	}
}
