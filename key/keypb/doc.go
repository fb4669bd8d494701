// Package keypb holds the messages of a key, generated from key.proto in this
// folder (make generate). docs/key-format.md explains them.
package keypb

//go:generate protoc -I../.. --go_out=../.. --go_opt=paths=source_relative key/keypb/key.proto
