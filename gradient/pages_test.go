package gradient

import "testing"

// TestPreferLargePages: the advice does not change elements, wherever a buffer
// begins and ends in its pages.
func TestPreferLargePages(t *testing.T) {
	all := make([]float32, 5<<20)
	for i := range all {
		all[i] = float32(i)
	}
	for _, part := range [][]float32{nil, all[:10], all[1 : 1+1<<20], all[1023:], all[3 : len(all)-5]} {
		preferLargePages(part)
	}
	for i, v := range all {
		if v != float32(i) {
			t.Fatalf("element %d is %v", i, v)
		}
	}
}
