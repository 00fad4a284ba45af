package sandbox

// The tokens.
const (
	tokenApprove       = "tok_approve"
	tokenDecline       = "tok_decline"
	tokenInsufficient  = "tok_insufficient_funds"
	tokenRequireAction = "tok_require_action"
	tokenTimeout       = "tok_timeout"
	tokenFailTwice     = "tok_fail_twice"
)

// Tokens are those that do something else than be declined as invalid_token.
var Tokens = []string{tokenApprove, tokenDecline, tokenInsufficient, tokenRequireAction, tokenTimeout, tokenFailTwice}
