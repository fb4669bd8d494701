package gradient

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestMemory: a model of a few bytes that asks for much memory is refused before
// the memory is taken.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name   string
		build  func(b *modelBuilder)
		memory int64
		want   string
	}{
		{"one constant", func(b *modelBuilder) {
			b.ints("shape", 4000, 4000).node("ConstantOfShape", []string{"shape"}, []string{"y"})
		}, 0, ""},
		{"a constant", func(b *modelBuilder) {
			b.ints("shape", 8300, 8300).node("ConstantOfShape", []string{"shape"}, []string{"y"})
		}, 0, "elements; at most"},
		{"a large value", func(b *modelBuilder) {
			b.ints("shape", 1<<20, 1<<20).node("ConstantOfShape", []string{"shape"}, []string{"y"})
		}, 0, "elements; at most"},
		{"many constants", func(b *modelBuilder) {
			b.ints("shape", 1<<8, 1<<8).node("ConstantOfShape", []string{"shape"}, []string{"c0"})
			for i := range 16 {
				b.node("Add", []string{fmt.Sprint("c", i), "c0"}, []string{fmt.Sprint("c", i+1)})
			}
			b.node("Identity", []string{"c16"}, []string{"y"})
		}, 1 << 20, "while compiling"},
		{"an empty constant", func(b *modelBuilder) {
			b.bytes("w", onnxpb.TensorProto_INT8, nil, 1<<62, 0).node("Identity", []string{"w"}, []string{"y"})
		}, 0, "elements; at most"},
		{"an empty value", func(b *modelBuilder) {
			b.ints("shape", 1<<40, 0).node("ConstantOfShape", []string{"shape"}, []string{"y"})
		}, 0, "elements; at most"},
		{"a range", func(b *modelBuilder) {
			b.ints("from", 0).ints("to", 1<<26).ints("step", 1).node("Range", []string{"from", "to", "step"}, []string{"y"})
		}, 0, "while compiling"},
		{"a value of the run", func(b *modelBuilder) {
			b.ints("shape", 1<<12, 4).node("Expand", []string{"x", "shape"}, []string{"y"})
		}, 1 << 15, "elements; at most"},
		{"values of the run", func(b *modelBuilder) {
			b.ints("shape", 1<<10, 4).node("Expand", []string{"x", "shape"}, []string{"e"}).
				node("Exp", []string{"e"}, []string{"f"}).node("Sin", []string{"f"}, []string{"g"}).
				node("Add", []string{"e", "g"}, []string{"h"}).node("Mul", []string{"h", "f"}, []string{"y"})
		}, 1 << 15, "MiB of memory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newModel().input("x", -1, 4).output("y")
			c.build(b)
			_, err := Compile(b.open(t), Config{Shapes: map[string][]int{"x": {1, 4}}, Memory: c.memory})
			if c.want == "" && err == nil {
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrLimit) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
