package attention

// The causes that are no facts of an order.
const (
	// CauseOrphanedSaga is an order that needs a saga and has none, or that has ended and still has one.
	CauseOrphanedSaga Cause = "orphaned_saga"
	// CauseFailingSaga is an execution whose workflow tasks keep failing.
	CauseFailingSaga Cause = "failing_saga"
	// CauseParked is an aggregate that a projection can't go on with.
	CauseParked Cause = "parked"
)

// The actions against them. Operators carry them out.
const (
	// ActionResume starts another saga for the order: "orderloom orphans resume".
	ActionResume Action = "resume"
	// ActionInspect looks at the execution in Temporal, and runs a program that can go on with it.
	ActionInspect Action = "inspect"
	// ActionRetryParked tries the event again, such as after a fix: "orderloom parked retry".
	ActionRetryParked Action = "retry_parked"
)

// AllCauses are [Causes], and those that are no facts of an order.
func AllCauses() []Cause {
	return append(Causes(), CauseOrphanedSaga, CauseFailingSaga, CauseParked)
}

// Elsewhere returns what can be done about a cause that is no fact of an order.
func Elsewhere(c Cause) []Action {
	switch c {
	case CauseOrphanedSaga:
		return []Action{ActionResume}
	case CauseFailingSaga:
		return []Action{ActionInspect}
	case CauseParked:
		return []Action{ActionRetryParked}
	default:
		return nil
	}
}
