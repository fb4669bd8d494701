// Package keypb holds the messages of a key's payload, generated from key.proto
// in this folder (make generate). Package key is the way to read and write them.
package keypb
