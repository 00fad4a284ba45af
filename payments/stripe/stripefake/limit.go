package stripefake

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// least are the smallest amounts of a payment (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
// Those of the last line are half a US dollar by a rate of 2026, rounded up: the table has none of them. Any other
// currency is refused.
var least = map[string]int64{
	"aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1_500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400,
	"huf": 17_500, "inr": 50, "jpy": 50, "mxn": 1_000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300,
	"sgd": 50, "thb": 1_000, "usd": 50,
	"bhd": 190, "isk": 7_000, "jod": 360, "krw": 750, "kwd": 160, "mga": 2_500, "omr": 200, "tnd": 1_600, "ugx": 200_000,
}

// steps are what amounts of these currencies are multiples of (https://docs.stripe.com/currencies#special-cases). Stripe
// says it of charges. The fake holds captures and refunds over the API to it too, and people in the dashboard not.
var steps = map[string]int64{"bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10, "isk": 100, "ugx": 100}

// checkStep refuses an amount that is no multiple of its currency's step.
func checkStep(parameter, given, currency string) *failure {
	amount, err := strconv.ParseInt(given, 10, 64)
	if step := steps[currency]; err == nil && step > 0 && amount%step != 0 {
		return invalid("invalid_charge_amount", parameter, "Amounts in "+currency+" must be multiples of "+strconv.FormatInt(step, 10))
	}
	return nil
}

// What the metadata of one object holds (https://docs.stripe.com/api/metadata).
const (
	metadataMax       = 50
	nameCharsMax      = 40
	valueCharsMax     = 500
	metadataParameter = "metadata"
)

// checkMetadata refuses more names, longer names and longer values than Stripe keeps.
func checkMetadata(form url.Values) *failure {
	given := metadataOf(form)
	if len(given) > metadataMax {
		return tooManyNames()
	}
	for name, value := range given {
		switch {
		case utf8.RuneCountInString(name) > nameCharsMax || strings.ContainsAny(name, "[]"):
			return invalid("parameter_invalid", metadataParameter, "Metadata keys can be up to 40 characters long, without square brackets: "+name)
		case utf8.RuneCountInString(value) > valueCharsMax:
			return invalid("parameter_invalid", metadataParameter, "Metadata values can be up to 500 characters long: "+name)
		}
	}
	return nil
}

func tooManyNames() *failure {
	return invalid("parameter_invalid", metadataParameter, "Metadata can have up to 50 keys")
}

func metadataOf(form url.Values) map[string]string {
	m := map[string]string{}
	for name, values := range form {
		if strings.HasPrefix(name, "metadata[") {
			m[strings.TrimSuffix(strings.TrimPrefix(name, "metadata["), "]")] = values[0]
		}
	}
	return m
}
