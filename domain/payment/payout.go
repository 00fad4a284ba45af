package payment

// AttemptOf returns the attempt at a refund that the gateway knows by this reference; false when there is none.
func (p Payment) AttemptOf(gatewayRef string) (RefundAttempt, bool) {
	_, a := p.findAttempt(RefundAnswer{GatewayRef: gatewayRef})
	if a == nil {
		return RefundAttempt{}, false
	}
	return *a, true
}

// HasDispute reports whether a dispute is known by this reference.
func (p Payment) HasDispute(gatewayRef string) bool { return p.disputeIndex(gatewayRef) >= 0 }
