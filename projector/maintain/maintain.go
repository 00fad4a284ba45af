package maintain

import "github.com/orderloom/orderloom/projector"

// Maintainer does what operators do to views: see what is parked, rebuild a projection, verify them all. It may be used
// while projectors run.
type Maintainer struct{ *projector.Mender }

// New returns a maintainer of the projections of a mender.
func New(m *projector.Mender) *Maintainer { return &Maintainer{m} }
