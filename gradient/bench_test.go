package gradient

import (
	"testing"

	"github.com/advparams/advparams/internal/shared"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// BenchmarkReference measures forward and gradient steps of the reference
// models at batch 100 on one thread, and their compilation.
func BenchmarkReference(b *testing.B) {
	for _, model := range []string{"fmnist-lenet5.onnx", "cifar10-resnet20.onnx", "fmnist-keras-cnn.onnx"} {
		m, err := onnxio.Open(shared.Path(b, "models", model))
		if err != nil {
			b.Fatal(err)
		}
		inputs, err := Inputs(m)
		if err != nil {
			b.Fatal(err)
		}
		shape := inputs[0].Batched(100)
		x := map[string]nd.Array{inputs[0].Name: randomInput(shape...)["x"]}
		cfg := Config{Shapes: map[string][]int{inputs[0].Name: shape}, Workers: NewWorkers(1)}
		b.Run(model+"/compile", func(b *testing.B) {
			cfg := cfg
			cfg.Gradients = All
			for b.Loop() {
				if _, err := Compile(m, cfg); err != nil {
					b.Fatal(err)
				}
			}
		})
		p, err := Compile(m, cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(model+"/forward", func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Forward(x); err != nil {
					b.Fatal(err)
				}
			}
		})
		cfg.Gradients = All
		if p, err = Compile(m, cfg); err != nil {
			b.Fatal(err)
		}
		b.Run(model+"/gradient", func(b *testing.B) {
			for b.Loop() {
				if _, _, err := p.Gradients(x, Probe); err != nil {
					b.Fatal(err)
				}
			}
		})
		cfg.Workers.Close()
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
