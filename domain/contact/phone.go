package contact

import (
	"github.com/nyaruka/phonenumbers"
	"github.com/orderloom/orderloom/domain"
)

// PhoneLengthMax bounds a phone number as it is written, in characters.
const PhoneLengthMax = 50

// Phone returns a phone number in E.164, such as "+4930123456", and blames field when the text is none. A number
// without its country's code is one of country, an ISO 3166-1 alpha-2 code. An empty text is no number, and not blamed.
//
// A number is right when its country's code is known and its length is one of the country's. Whether a range is in use
// already is not asked: numbering plans change more often than their data are released.
func Phone(bad *domain.Invalids, field, text, country string) string {
	if domain.Blank(text) {
		return ""
	}
	before := len(*bad)
	if bad.Text(field, text, PhoneLengthMax); len(*bad) > before {
		return ""
	}
	number, err := phonenumbers.Parse(text, country)
	switch {
	case err != nil || phonenumbers.IsPossibleNumberWithReason(number) != phonenumbers.IS_POSSIBLE:
		bad.Add(field, "is no phone number: give it with its country's code, such as +49 30 123456, or as it is dialled in %s", domain.Clip(country))
		return ""
	case number.GetExtension() != "":
		bad.Add(field, "has an extension, which a phone number of E.164 can't hold")
		return ""
	}
	return phonenumbers.Format(number, phonenumbers.E164)
}

// FindablePhone returns the form by which a phone number is found: its E.164. Ok is false for a text that is no number
// with its country's code.
func FindablePhone(text string) (findable string, ok bool) {
	var bad domain.Invalids
	findable = Phone(&bad, "phone", text, "")
	return findable, findable != ""
}
