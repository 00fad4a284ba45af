package readmodel

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// errNoCursor says that a text is not what [writeCursor] writes.
var errNoCursor = errors.New("it is none that was written here")

// writeCursor writes where a page ended. V is a struct of texts, numbers, times in UTC and ids.
func writeCursor(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("readmodel: " + err.Error()) // plain values only
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// readCursor reads what [writeCursor] has written into a struct of the same type. Any other text is an error, however
// alike: what a caller makes up by itself does not reach SQL.
func readCursor[T any](text string) (c T, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err == nil && writeCursor(c) != text {
		err = errNoCursor
	}
	return c, err
}

// keyBytesMax bounds the sort key in a cursor.
const keyBytesMax = 64

// checkTimeKey refuses a time that PostgreSQL could not read.
func checkTimeKey(key string) error {
	at, err := time.Parse(time.RFC3339Nano, key)
	if err == nil && (at.Year() < 1 || timeKey(at) != key) {
		err = errNoCursor
	}
	return err
}

// timeKey is a time as the key of a cursor.
func timeKey(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// checkAmountKey refuses an amount that PostgreSQL could not read, or that takes long to read.
func checkAmountKey(key string) error {
	if len(key) > keyBytesMax || strings.ContainsAny(key, "eE") {
		return errNoCursor // a short text can be a huge number
	}
	_, err := decimal.NewFromString(key)
	return err
}

// checkTextKey refuses a text that PostgreSQL has no place for.
func checkTextKey(key string) error {
	if strings.ContainsRune(key, 0) {
		return errNoCursor
	}
	return nil
}

// checkNumberKey refuses a number that no row has.
func checkNumberKey(n int64) error {
	if n < 0 || n > math.MaxInt32 {
		return errNoCursor
	}
	return nil
}
