// Package seal encrypts the elements of tensors so that they stay tensors of the
// same kind: numbers of the same sizes, in the same place, of the same length.
// A model whose weights are sealed is valid, loads and runs, and answers at chance.
//
// # What a sealed tensor shows
//
// Every element has a class: of a floating-point number its exponent, of a 32- or
// 64-bit integer its bit length. Sealing permutes the elements inside blocks of
// [BlockLen] and then encrypts everything of an element but its class. So a sealed
// tensor shows, for each block, how many elements are of each class, and whether
// all elements have the same sign. It shows nothing else to someone without the
// key: not which element had which class, no sign, no mantissa. Narrower integers
// have no class and show nothing.
//
// Because classes stay, values stay finite and of the same order of magnitude:
// sealing makes no infinity, NaN, zero or denormal number that was not there.
//
// # What it does not do
//
// Sealing encrypts, it does not authenticate: whoever can change a sealed tensor can
// change what unsealing makes of it. The digests in a key (package key) detect that.
// It hides neither the shapes of tensors nor their names, nor the network itself.
//
// The same [Key] must never seal two different originals: their difference could be
// read off. [NewKey] draws a fresh one. [DeriveKey] makes one that can be made again,
// from a secret and from everything that tells one original from another.
//
// # Format
//
// docs/sealing.md specifies the format for readers in other languages and says what
// is proved about it. The files in testdata are test vectors.
package seal
