package main

// What an interrupted command leaves.
const (
	leftNothing = "Nothing was changed."
	leftUnknown = "It may be done or not: run it again, which does nothing twice."
	leftWhole   = "It was done wholly or not at all: look before you run it again."
)

// left says of each command what it leaves when it is interrupted. Commands that run until then are in [untilStopped].
var left = map[string]string{
	"setup": "What was made stays: run it again, and it makes the rest.", "migrate": "Whole steps of the schema stay: run it again, and it goes on.",
	"doctor": leftNothing, "verify": leftNothing, "parked list": leftNothing, "parked show": leftNothing,
	"parked retry":   "The events up to the last that succeeded are applied: run it again, and it goes on.",
	"parked discard": leftWhole,
	"attention list": leftNothing, "attention show": leftNothing, "attention retry": leftUnknown, "attention resolve": leftUnknown,
	"orphans list": leftNothing, "orphans resume": "The sagas that were started go on: run it again for the others.", "orders resume": leftUnknown,
	"reconcile":    "The workers go on with it, and record what they find.",
	"recover":      "What was taken back stays, and the store is not confirmed unless it said so: run it again, and it goes on.",
	"rebuild":      "The live tables are as they were: run it again, and it goes on. \"orderloom rebuild --abandon\" drops what it has filled.",
	"relay status": leftNothing, "relay rewind": leftUnknown, "replay": leftNothing,
	"orders place": "The order may be placed or not: run it again with the same --key, which places it once. Without one, look for it first.",
	"orders get":   leftNothing, "orders list": leftNothing, "orders cancel": leftUnknown, "events show": leftNothing, "streams show": leftNothing,
	"import":        "The lines that were printed are done: run it again with the same --key, and it does the others.",
	"export":        "A file that is not whole has a name that ends in .part. Run it again, or go on with --after where it says so.",
	"webhooks list": leftNothing, "webhooks disable": leftUnknown, "webhooks resend": leftUnknown,
	"keys create": leftWhole + " \"orderloom keys list\" shows the keys.", "keys list": leftNothing,
	"keys rotate": leftWhole + " \"orderloom keys list\" shows when a key was rotated.", "keys revoke": leftUnknown, "keys version": leftUnknown,
	"keys subject": leftNothing, "erase-customer": leftUnknown, "rewrap-keys": "The keys that are wrapped anew stay so: run it again for the others.",
	"encryption-keys list": leftNothing, "encryption-keys retire": leftUnknown, "partitions list": leftNothing,
	"partitions maintain":  "What was indexed stays so: run it again for the others.",
	"partitions archive":   leftWhole + " \"orderloom partitions list\" shows them.",
	"partitions unarchive": leftWhole + " \"orderloom partitions list\" shows them.",
	"bundle":               "There is no bundle: run it again.", "settings": leftNothing, "health": leftNothing, "completion": leftNothing,
	"man": "The pages that were written stay.", "version": leftNothing, "help": leftNothing,
}

// untilStopped are the commands that run until Ctrl-C or SIGTERM, which is their right end.
var untilStopped = map[string]bool{
	"all": true, "api": true, "worker": true, "projector": true, "codec-server": true,
	"events tail": true, "orders watch": true, "webhooks listen": true,
}
