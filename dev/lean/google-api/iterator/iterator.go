// Package iterator has the end of a list of Google's services.
package iterator

import "errors"

// Done is returned when there is nothing more.
var Done = errors.New("no more items in iterator")
