package seal

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkSeal(b *testing.B)   { bench(b, (*Cipher).Seal) }
func BenchmarkUnseal(b *testing.B) { bench(b, (*Cipher).Unseal) }

// bench measures one goroutine on 2 million elements, normal draws where the kind
// allows.
func bench(b *testing.B, run func(c *Cipher, data []byte, first int64, workers int)) {
	const n = 1 << 21
	for _, k := range []Kind{Bytes, Float8E4M3FN, Float16, Float32, Float64, Int32} {
		data := normals(k, n, rand.New(rand.NewPCG(1, 2)))
		c, err := NewKey().Cipher(Tensor{Kind: k, Count: n})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(k.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				run(c, data, 0, 1)
			}
		})
	}
}
