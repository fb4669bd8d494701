// Package sealed decides which bytes of a model are sealed, and how: the profile
// "sealed". It connects package onnxio, which finds weights, with package seal, which
// encrypts them. docs/sealing.md describes the construction.
package sealed
