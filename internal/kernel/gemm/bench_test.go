package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
)

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{
		{1024, 1024, 1024, false, false}, {1024, 1024, 1024, false, true}, {1024, 1024, 1024, true, false}, {512, 512, 512, false, false},
		{256, 256, 256, false, false}, {128, 128, 128, false, false}, {64, 64, 64, false, false},
		{100, 10, 84, false, true}, {100, 84, 120, false, true}, {100, 120, 400, false, true}, {10, 84, 100, true, false}, {120, 400, 100, true, false}, {100, 400, 120, false, false},
		{16, 1024, 144, false, false}, {64, 64, 576, false, false}, {197, 192, 64, false, false}, {6500, 192, 192, false, true}, {6500, 768, 192, false, true}, {1, 1000, 1000, false, true}, {1, 1000, 1000, false, false},
		{32, 4096, 512, false, true}, {192, 768, 6500, true, false}, {768, 192, 6500, true, false}, {6500, 192, 768, false, true}, {6500, 576, 192, false, false},
	} {
		name := fmt.Sprintf("%dx%dx%d", s.m, s.n, s.k)
		lda, ldb := s.k, s.n
		if s.transA {
			name, lda = name+"TA", s.m
		}
		if s.transB {
			name, ldb = name+"TB", s.k
		}
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x, y, z := kerneltest.Randoms(rng, s.m*s.k), kerneltest.Randoms(rng, s.n*s.k), make([]float32, s.m*s.n)
			kerneltest.Measure(b, 2*s.m*s.n*s.k, func() {
				Gemm(nil, s.transA, s.transB, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, z, s.n)
			})
		})
	}
}

func BenchmarkGemmBatch(b *testing.B) {
	for _, s := range []struct {
		batch, m, n, k int
		transA, transB bool
	}{{300, 65, 65, 64, false, true}, {300, 65, 64, 65, false, false}, {300, 65, 64, 65, true, false}, {1000, 17, 17, 8, false, true}} {
		b.Run(fmt.Sprintf("%dx%dx%dx%d", s.batch, s.m, s.n, s.k), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x, y, z := kerneltest.Randoms(rng, s.batch*s.m*s.k), kerneltest.Randoms(rng, s.batch*s.n*s.k), make([]float32, s.batch*s.m*s.n)
			kerneltest.Measure(b, 2*s.batch*s.m*s.n*s.k, func() {
				Batch(nil, s.transA, s.transB, s.batch, s.m, s.n, s.k, x, s.m*s.k, y, s.n*s.k, 0, z, s.m*s.n)
			})
		})
	}
}
