package broker

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
)

// headerStore tells which event store an event comes from, and in which epoch of it the event was published, as
// "<id>/<epoch>". It is for consumers, and for whoever restores a backup.
const headerStore = "ce_store"

// Origin is where the events of a message come from.
type Origin struct {
	// Store is the id of the event store, which goes with its data.
	Store uuid.UUID
	// Epoch is that of the store when the event was published. It rises when the store was restored or failed over.
	Epoch int64
}

// text is the value of the header.
func (o Origin) text() string {
	if o.Store == uuid.Nil {
		return ""
	}
	return o.Store.String() + "/" + strconv.FormatInt(o.Epoch, 10)
}

// OriginOf returns where a message comes from, the zero value when it does not tell.
func OriginOf(m kafka.Message) Origin {
	for _, h := range m.Headers {
		if h.Key != headerStore {
			continue
		}
		id, epoch, _ := strings.Cut(string(h.Value), "/")
		store, errID := uuid.Parse(id)
		number, errEpoch := strconv.ParseInt(epoch, 10, 64)
		if errID == nil && errEpoch == nil {
			return Origin{Store: store, Epoch: number}
		}
	}
	return Origin{}
}
