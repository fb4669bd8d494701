package scratch

import (
	"testing"
)

func TestScratchClasses(t *testing.T) {
	last, lastSize := -1, 0
	for n := range 100000 {
		i, size := class(n)
		if size < n || n > 64 && size > n+n/4+1 {
			t.Fatalf("class of %d holds %d", n, size)
		}
		if i2, size2 := class(size); i2 != i || size2 != size {
			t.Fatalf("a buffer of class %d goes back to class %d", i, i2)
		}
		if i < last || i > last+1 && last >= 0 || (i == last) != (size == lastSize) {
			t.Fatalf("class %d of %d elements follows class %d", i, size, last)
		}
		last, lastSize = i, size
	}
}
