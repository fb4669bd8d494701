package winograd

import (
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestTransforms compares each transform with the one in Go, for one and several tiles and
// vectors of channels.
func TestTransforms(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for kind, l := range portableTransforms {
			for _, tiles := range []int{1, 3} {
				for _, vectors := range []int{1, 3} {
					channels := vectors * simd.Lanes()
					a := winoArgs{tiles: tiles, channels: channels, bias: kerneltest.Randoms(rng, channels)}
					a.from = winoLayout{at: 2, i: l.n * channels, j: channels, tile: l.n*l.n*channels + 1}
					a.to = winoLayout{at: 3, i: channels, j: l.m * channels, tile: l.m*l.m*channels + 2}
					a.src = kerneltest.Randoms(rng, tiles*a.from.tile+2)
					a.dst = kerneltest.Randoms(rng, tiles*a.to.tile+3)
					b := a
					b.dst = append([]float32(nil), a.dst...)
					runTransform(winoTransform(kind), &a)
					portableWinograd(winoTransform(kind), &b)
					want := make([]float64, len(b.dst))
					for i, v := range b.dst {
						want[i] = float64(v)
					}
					if err := kerneltest.Compare(a.dst, want, 1e-5); err != nil {
						t.Fatalf("transform %d, %d tiles, %d channels: %v", kind, tiles, channels, err)
					}
				}
			}
		}
	})
}
