package conv

import (
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
)

func BenchmarkConv(b *testing.B) {
	for _, s := range []struct {
		name                                             string
		batch, ic, oc, size, kernel, stride, pad, groups int
	}{
		{"resnet20-32", 100, 16, 16, 32, 3, 1, 1, 1}, {"resnet20-16", 100, 32, 32, 16, 3, 1, 1, 1}, {"resnet20-8", 100, 64, 64, 8, 3, 1, 1, 1},
		{"resnet20-32s2", 100, 16, 32, 32, 3, 2, 1, 1}, {"resnet20-16s2", 100, 32, 64, 16, 3, 2, 1, 1}, {"resnet20-skip", 100, 16, 32, 32, 1, 2, 0, 1},
		{"resnet20-stem", 100, 3, 16, 32, 3, 1, 1, 1},
		{"lenet-1", 100, 1, 6, 28, 5, 1, 2, 1}, {"lenet-2", 100, 6, 16, 14, 5, 1, 0, 1}, {"lenet-3", 100, 16, 120, 5, 5, 1, 0, 1},
		{"mobilenet-dw", 100, 96, 96, 16, 3, 1, 1, 96}, {"mobilenet-dws2", 100, 144, 144, 16, 3, 2, 1, 144},
		{"mobilenet-96to24", 100, 96, 24, 16, 1, 1, 0, 1}, {"mobilenet-24to144", 100, 24, 144, 16, 1, 1, 0, 1}, {"mobilenet-320to64", 100, 320, 64, 4, 1, 1, 0, 1},
		{"vgg-64", 8, 64, 64, 64, 3, 1, 1, 1}, {"vgg-128", 8, 128, 128, 32, 3, 1, 1, 1}, {"vgg-256", 8, 256, 256, 16, 3, 1, 1, 1}, {"vgg-512", 32, 512, 512, 4, 3, 1, 1, 1}, {"vgg-512-2", 32, 512, 512, 2, 3, 1, 1, 1},
		{"mobilenet-16to96", 100, 16, 96, 32, 1, 1, 0, 1}, {"mobilenet-96to576", 100, 96, 576, 4, 1, 1, 0, 1}, {"mobilenet-160to960", 100, 160, 960, 2, 1, 1, 0, 1}, {"mobilenet-576to96", 100, 576, 96, 4, 1, 1, 0, 1}, {"mobilenet-32to192", 100, 32, 192, 8, 1, 1, 0, 1},
		{"mobilenet-dws2-32", 100, 96, 96, 32, 3, 2, 1, 96}, {"mobilenet-dw-4", 100, 576, 576, 4, 3, 1, 1, 576}, {"mobilenet-dws2-4", 100, 576, 576, 4, 3, 2, 1, 576}, {"mobilenet-dw-2", 100, 960, 960, 2, 3, 1, 1, 960},
		{"resnet50-64to256", 8, 64, 256, 56, 1, 1, 0, 1}, {"resnet50-512to128", 8, 512, 128, 28, 1, 1, 0, 1}, {"resnet50-256to1024", 16, 256, 1024, 14, 1, 1, 0, 1}, {"resnet50-512to2048", 16, 512, 2048, 7, 1, 1, 0, 1},
		{"vit", 32, 3, 192, 32, 4, 4, 0, 1},
	} {
		c := conv2(s.batch, s.groups, s.ic, s.oc, s.size, s.kernel, s.stride, s.pad)
		p := c.plan()
		rng := rand.New(rand.NewPCG(1, 1))
		x, y := kerneltest.Randoms(rng, p.Batch*p.Group*p.XSize), kerneltest.Randoms(rng, p.Batch*p.Group*p.YSize)
		weight, bias := kerneltest.Randoms(rng, p.Group*p.WSize), kerneltest.Randoms(rng, s.oc)
		flops := 2 * p.Batch * p.Group * p.WSize * p.Out.Size()
		b.Run(s.name+"/forward", func(b *testing.B) { kerneltest.Measure(b, flops, func() { c.Forward(nil, x, weight, bias, y) }) })
		b.Run(s.name+"/input", func(b *testing.B) { kerneltest.Measure(b, flops, func() { c.GradInput(nil, y, weight, x) }) })
		b.Run(s.name+"/weight", func(b *testing.B) { kerneltest.Measure(b, flops, func() { c.GradWeight(nil, x, y, weight, nil) }) })
	}
}
