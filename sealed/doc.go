// Package sealed decides which bytes of a model are sealed, and how: the profile
// "sealed". It connects package onnxio, which knows where weights are, with package
// seal, which encrypts them. docs/sealing.md describes the whole.
package sealed
