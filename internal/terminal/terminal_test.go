package terminal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestIs(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, w := range []any{nil, new(bytes.Buffer), f} {
		if Is(w) {
			t.Errorf("%T is a terminal", w)
		}
	}
}

// TestNoBar: a nil Bar can be used, and shows nothing.
func TestNoBar(t *testing.T) {
	var b *Bar
	b.Set(1, "x")
	b.Close()
}

func TestBarCloses(t *testing.T) {
	var out bytes.Buffer
	b := NewBar(&out, "working", 10, true)
	b.Set(3, "3 of 10")
	b.Close() // returns only when nothing more is drawn
}
