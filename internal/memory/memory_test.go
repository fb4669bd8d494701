package memory

import "testing"

func TestWipe(t *testing.T) {
	b, err := New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	b.Bytes()[1<<20-1] = 7
	b.Use(func(data []byte) {
		if len(data) != 1<<20 || data[1<<20-1] != 7 {
			t.Error("the memory has not what was written to it")
		}
	})
	for range 2 {
		if err := b.Wipe(); err != nil {
			t.Fatal(err)
		}
	}
	b.Use(func(data []byte) {
		if data != nil {
			t.Error("there is memory after Wipe")
		}
	})
}

func TestEmpty(t *testing.T) {
	b, err := New(0)
	if err != nil || b.Bytes() != nil || b.Wipe() != nil {
		t.Errorf("an empty block: %v", err)
	}
}

func TestTooMuch(t *testing.T) {
	if b, err := New(1 << 62); err == nil {
		t.Errorf("%d bytes", len(b.Bytes()))
	}
}
