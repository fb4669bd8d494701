package onnxio

import (
	"os"
	"slices"
	"testing"
)

// TestWritable changes large and small tensors, in the model file and outside of it,
// of float32s and others, and finds the model as it was, also after its memory was released.
func TestWritable(t *testing.T) {
	const n = 1 << 15
	data := counting(n)
	halves := make([]byte, 2*n)
	content := model(
		tensor("outside", float32Type, shape(n), externalAt("large.bin", 0, 4*n)),
		tensor("inside", float32Type, shape(n), raw(floats(data...))),
		tensor("half", float16Type, shape(n), raw(halves)),
		tensor("small", float32Type, shape(2), raw(floats(1, 2))),
	)
	path := write(t, "model.onnx", content, "large.bin", floats(data...))
	m := open(t, path)
	first, second := m.Writable(), m.Writable()
	for _, init := range m.Initializers() {
		want, err := init.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		want = slices.Clone(want)
		x, err := first.Float32s(init)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x, want) {
			t.Errorf("%s: other elements than those of the file", init.Name)
		}
		x[1] = -7
		y, err := second.Float32s(init)
		if err != nil {
			t.Fatal(err)
		}
		m.Release()
		again, err := init.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if x[1] != -7 || !slices.Equal(y, want) || !slices.Equal(again, want) {
			t.Errorf("%s: a change is lost, or seen by others", init.Name)
		}
	}
	if kept, err := os.ReadFile(path); err != nil || !slices.Equal(kept, content) {
		t.Errorf("the file has changed (%v)", err)
	}
}

// TestWritableOfReplacedFile: a file that another has taken the place of is not
// mapped again.
func TestWritableOfReplacedFile(t *testing.T) {
	const n = 1 << 15
	path := write(t, "model.onnx", model(tensor("w", float32Type, shape(n), raw(make([]byte, 4*n)))))
	m := open(t, path)
	other := path + ".new"
	if err := os.WriteFile(other, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	x, err := m.Writable().Float32s(m.Lookup("w"))
	if err != nil || len(x) != n || x[0] != 0 || x[n-1] != 0 {
		t.Errorf("%d elements (%v), want the %d of the model that was opened", len(x), err, n)
	}
}

// TestConvertedOnce: elements that have to be converted take memory once while somebody uses
// them, however often they are asked for; those that may be written to are the caller's own.
func TestConvertedOnce(t *testing.T) {
	m := open(t, write(t, "model.onnx", model(tensor("half", float16Type, shape(2), raw([]byte{0, 0x3e, 0, 0xc0})))))
	first, err := m.Initializers()[0].Float32s()
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Initializers()[0].Float32s()
	if err != nil || &again[0] != &first[0] {
		t.Errorf("converted twice (%v)", err)
	}
	own, err := m.Writable().Float32s(m.Initializers()[0])
	if err != nil || &own[0] == &first[0] || !slices.Equal(own, first) {
		t.Errorf("%v, want a copy of %v (%v)", own, first, err)
	}
}
