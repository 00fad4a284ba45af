package e2e_test

// faults are all that the platform is drilled for, in the order of docs/reliability.md.
var faults = []fault{
	kafkaWiped, kafkaUnreachable, openAppend, relayPaused, poisonedEvents, redisFrozen, databaseReadOnly, diskFull, failover, restored, temporalLost,
	keyMissing, rollingUpgrade,
}

// restored, temporalLost and keyMissing are played by tests of their own.
var (
	restored = fault{
		name: "restored",
		what: "The event store was restored from an older backup",
		meanwhile: "Reads go on. Nothing is appended, published or resumed: what was lost would be overwritten. Requests that change something are " +
			"answered with 503 `store_unconfirmed`.",
		told:   []alarm{{alert: "OrderloomStoreUnconfirmed"}},
		mended: "`orderloom recover --confirm` takes back what Kafka, Temporal and the gateway know ([backup.md](backup.md)).",
		test:   "TestARestoredStoreIsRecovered", target: "make drill-restore",
	}
	temporalLost = fault{
		name:      "temporal-lost",
		what:      "Temporal has lost everything",
		meanwhile: "Reads go on. Requests that change something are answered with 503 until a server is back.",
		told:      []alarm{{alert: "OrderloomSagasLost"}},
		mended:    "`orderloom setup` makes the namespace of a new server. Open sagas go on by themselves, from the events.",
		test:      "TestOrdersOutliveTemporalsDatabases", target: "make drill-temporal",
	}
	keyMissing = fault{
		name:      "key-missing",
		what:      "A process lacks an encryption key that is in use",
		meanwhile: "It refuses to start, and names the key. Sagas whose input it can't decrypt wait for the key.",
		told:      []alarm{{alert: "OrderloomSagasFailing"}},
		mended:    "Give the key back. Sagas go on by themselves.",
		test:      "TestAMissingPayloadKeyLosesNoSaga",
	}
)
