package payment

// HoldsMoney reports whether the gateway holds money that is neither captured nor let go, or may do so once the
// customer's bank confirms.
func (p Payment) HoldsMoney() bool {
	return p.Status == StatusActionRequired || p.Capturable().IsPositive()
}
