// Package inventory decides what may happen to the stock of one SKU at one location.
//
// Each (SKU, location) is one aggregate, a stock item, whose id follows from both ([ID]). Goods are received and
// adjusted. An order reserves some, and its reservation is later committed (the goods have left) or released (they
// are free again). What is available, on hand less reserved, never goes below zero.
//
// The stock item without a location is the queue of its SKU ([QueueID]). An order that waits for goods stands in it
// once, and is served from any active location, oldest first ([Serve]).
//
// A reservation is named by its order. Once committed or released it is closed, and a late attempt to make it again
// does nothing. A step that timed out may still arrive after it was undone.
package inventory
