package onnxio

import "testing"

// TestCloseTwice: closing a model again leaves another one alone that the system has mapped to
// the same addresses meanwhile.
func TestCloseTwice(t *testing.T) {
	path := write(t, "model.onnx", model(tensor("w", float32Type, shape(4), raw(floats(1, 2, 3, 4)))))
	first, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, path)
	if err := first.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	read := func() (w []float32, err error) {
		defer Faults(&err)()
		all, err := second.Lookup("w").Float32s()
		return append(w, all...), err
	}
	if w, err := read(); err != nil || len(w) != 4 || w[3] != 4 {
		t.Errorf("the other model has %v, %v", w, err)
	}
}
