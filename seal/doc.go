// Package seal encrypts the elements of tensors so that they stay tensors of the
// same kind: numbers of the same sizes, in the same place, of the same length.
// A model whose weights are sealed is valid, loads and runs, and answers at chance.
//
// # What a sealed tensor shows
//
// Every element has a class. The class of a floating-point number is its exponent, that of a 32- or
// 64-bit integer its bit length. Narrower integers have no class. Sealing permutes the elements inside
// blocks of [BlockLen], and then encrypts everything of an element except its class.
//
// So a sealed tensor shows, for each block, how many elements are of each class, and whether all
// elements have the same sign. To someone without the key it shows nothing else: not which element had
// which class, no sign, no mantissa. Narrower integers show nothing.
//
// Because classes stay, values stay finite and of the same order of magnitude:
// sealing makes no infinity, NaN, zero or denormal number that was not there.
//
// # What it does not do
//
// Sealing does not authenticate. Whoever can change a sealed tensor can change the result of
// unsealing. The digests in a key (package key) detect that. Sealing hides neither the shapes
// of tensors nor their names, nor the network itself.
//
// The same [Key] must never seal two different originals, because their difference could be
// read off. [NewKey] draws a fresh key. [DeriveKey] makes a reproducible key from a secret and
// from everything that distinguishes one original from another.
//
// # Format
//
// docs/sealing.md specifies the format for readers in other languages and says what
// is proved about it. The files in testdata are test vectors.
package seal
