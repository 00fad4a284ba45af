package address_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain/address"
	"github.com/stretchr/testify/require"
)

func TestLabels(t *testing.T) {
	t.Parallel()
	ada := address.Addressee{Name: "Ada Lovelace", Company: "Analytical Engines"}
	for name, c := range map[string]struct {
		a            address.Address
		to           address.Addressee
		local, latin string
	}{
		"Germany": {
			a:  address.Address{Line1: "Torstraße 1", Line2: "Hinterhaus", City: "Berlin", Zip: "10119", Country: "DE"},
			to: ada, local: "Ada Lovelace|Analytical Engines|Torstraße 1|Hinterhaus|10119 Berlin",
			latin: "Ada Lovelace|Analytical Engines|Torstraße 1|Hinterhaus|10119 Berlin|GERMANY",
		},
		"France begins with the company, and has the city in capitals": {
			a:  address.Address{Line1: "55 rue du Faubourg Saint-Honoré", City: "Paris", Zip: "75008", Country: "FR"},
			to: ada, local: "Analytical Engines|Ada Lovelace|55 rue du Faubourg Saint-Honoré|75008 PARIS",
			latin: "Analytical Engines|Ada Lovelace|55 rue du Faubourg Saint-Honoré|75008 PARIS|FRANCE",
		},
		"the United States have the code of a state": {
			a:  address.Address{Line1: "1 Center St", City: "Reno", State: "Nevada", Zip: "89501", Country: "US"},
			to: address.Addressee{Name: "Grace Hopper"}, local: "Grace Hopper|1 Center St|RENO, NV 89501",
			latin: "Grace Hopper|1 Center St|RENO, NV 89501|UNITED STATES",
		},
		"Japan turns round": {
			a:  address.Address{Line1: "千代田区千代田1-1", State: "東京都", Zip: "100-0001", Country: "JP"},
			to: address.Addressee{Name: "山田太郎"}, local: "〒100-0001|東京都|千代田区千代田1-1|山田太郎",
			latin: "山田太郎|千代田区千代田1-1, TOKYO|100-0001|JAPAN",
		},
		"Korea with a district": {
			a:  address.Address{Line1: "세종대로 110", DependentLocality: "중구", City: "서울", State: "서울특별시", Zip: "04524", Country: "KR"},
			to: address.Addressee{Name: "김"}, local: "서울특별시 서울중구|세종대로 110|김|04524",
			latin: "김|세종대로 110|중구|서울|Seoul|04524|SOUTH KOREA",
		},
		"Hong Kong without a city": {
			a:  address.Address{Line1: "1 Austin Road West", State: "Kowloon", Country: "HK"},
			to: address.Addressee{Name: "Chan"}, local: "KOWLOON|1 Austin Road West|Chan", latin: "Chan|1 Austin Road West|KOWLOON|HONG KONG",
		},
		"Sweden writes the country's code once": {
			a:  address.Address{Line1: "Slottsbacken 1", City: "Stockholm", Zip: "SE-111 30", Country: "SE"},
			to: address.Addressee{Name: "Eva"}, local: "Eva|Slottsbacken 1|SE-111 30 Stockholm", latin: "Eva|Slottsbacken 1|SE-111 30 Stockholm|SWEDEN",
		},
		"what is missing leaves no commas": {
			a:  address.Address{Line1: "1 Center St", City: "Reno", Country: "US"},
			to: address.Addressee{}, local: "1 Center St|RENO", latin: "1 Center St|RENO|UNITED STATES",
		},
		"an unknown country": {
			a:  address.Address{Line1: "Somewhere 1", City: "There", Zip: "1", Country: "QQ"},
			to: address.Addressee{Name: "A"}, local: "A|Somewhere 1|There", latin: "A|Somewhere 1|There|QQ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.local, strings.Join(c.a.Label(c.to, address.Local), "|"))
			require.Equal(t, c.latin, strings.Join(c.a.Label(c.to, address.Latin), "|"))
		})
	}
}

func ExampleAddress_Label() {
	a := address.Address{Line1: "10 Downing Street", City: "London", Zip: "SW1A 2AA", Country: "GB"}
	fmt.Println(strings.Join(a.Label(address.Addressee{Name: "Larry"}, address.Latin), "\n"))
	// Output:
	// Larry
	// 10 Downing Street
	// LONDON
	// SW1A 2AA
	// UNITED KINGDOM
}
