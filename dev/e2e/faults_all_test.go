package e2e_test

// faults are all that the platform is drilled for, in the order of docs/reliability.md.
var faults = []fault{
	kafkaWiped, openAppend, relayPaused, poisonedEvents, redisFrozen, databaseReadOnly, kafkaUnreachable, rollingUpgrade,
}
