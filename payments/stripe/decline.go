package stripe

import (
	"net/http"
	"regexp"
	"strings"

	api "github.com/stripe/stripe-go/v85"
)

// Decline codes that Stripe doesn't have, or by another name.
const (
	codeDeclined       = "card_declined"
	codeCancelled      = "payment_cancelled"
	codeToken          = "invalid_token"
	codeAuthentication = "authentication_failed"
	codeNotKept        = "payment_method_not_kept" // it was used, and the customer has not agreed that it is used again
)

// codePattern is what a code of ours looks like.
var codePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// hushed are reasons that Stripe asks not to tell the customer
// (https://docs.stripe.com/declines/codes): a thief would learn from them.
var hushed = words(`fraudulent generic_decline lost_card merchant_blacklist pickup_card restricted_card security_violation
	stolen_card highest_risk_level elevated_risk_level rule`)

// final are what Stripe says of a request that can't succeed with this means of payment or this amount.
var final = words(`amount_too_large amount_too_small card_decline_rate_limit_exceeded currency_not_supported
	incorrect_number invalid_card_type invalid_currency payment_method_currency_mismatch payment_method_invalid_parameter
	payment_method_not_available payment_method_provider_decline payment_method_unactivated payment_method_unexpected_state
	token_already_used token_in_use invalid_charge_amount_no_decimal_compatible`)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// declineCode returns the code of a failed authorisation that is a decline.
func (f *failure) declineCode() (string, bool) {
	switch {
	case f.kind == string(api.ErrorTypeCard) || f.status == http.StatusPaymentRequired:
		return neutral(f.decline, f.code), true
	case f.kind != string(api.ErrorTypeInvalidRequest):
		return "", false
	case f.param == "payment_method" || f.param == "confirmation_token":
		return codeToken, true
	case final[f.code]:
		return f.code, true
	}
	return "", false
}

// neutral returns the bank's reason, else Stripe's, as a code that may be shown to the customer.
func neutral(decline, code string) string {
	reason := firstWord(decline, code)
	if reason == string(api.ErrorCodePaymentIntentAuthenticationFailure) {
		return codeAuthentication
	}
	if hushed[reason] || !codePattern.MatchString(reason) {
		return codeDeclined
	}
	return reason
}
