package onnxio

import (
	"errors"
	"os"
	"runtime"
	"testing"
)

// A file that is cut off while it is mapped is an error, and does not end the process.
func TestTruncatedWhileMapped(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be cut off")
	}
	const n = 1 << 18
	for _, c := range []struct {
		name  string
		read  func(m *Model) float32
		close bool // before the error is known, as a deferred Close does
	}{
		{"in place", func(m *Model) float32 {
			f, err := m.Lookup("w").Float32s()
			if err != nil {
				t.Error(err)
				return 0
			}
			return f[n-1]
		}, false},
		{"one element", func(m *Model) float32 { return float32(m.Lookup("w").Bits(n - 1)) }, true},
		{"to be written", func(m *Model) float32 {
			f, err := m.Writable().Float32s(m.Lookup("w"))
			if err != nil {
				t.Error(err)
				return 0
			}
			return f[n-1]
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "model.onnx", model(tensor("w", float32Type, shape(n), raw(make([]byte, 4*n)))))
			m, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			read := func() (err error) {
				defer Faults(&err)()
				if c.close {
					defer m.Close()
				}
				c.read(m)
				return nil
			}
			if err := os.Truncate(path, 4096); err != nil {
				t.Fatal(err)
			}
			err = read()
			var truncated *TruncatedError
			if !errors.As(err, &truncated) || truncated.Path != path || truncated.Hint() == "" {
				t.Errorf("%v, want a TruncatedError", err)
			}
			if !c.close {
				m.Close()
			}
		})
	}
	t.Run("rewriting", func(t *testing.T) {
		path := write(t, "model.onnx", model(tensor("w", float32Type, shape(n), raw(make([]byte, 4*n)))))
		m := open(t, path)
		if err := os.Truncate(path, 4096); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Rewrite(nil, path+".locked", []Edit{{"w", n - 1, 1}}); err == nil {
			t.Error("no error")
		}
	})
	// Other panics stay what they are.
	func() {
		defer func() {
			if p := recover(); p != "other" {
				t.Errorf("panic %v", p)
			}
		}()
		var err error
		defer Faults(&err)()
		panic("other")
	}()
}
