//go:build arm64 && !noasm

package simd

// available lists the instruction sets, best first. Every arm64 processor that Go runs on has
// NEON.
var available = []*instructions{
	{name: "NEON", level: NEON, lanes: 4, VectorSet: PortableVectors, transpose: noTranspose},
	portable,
}
