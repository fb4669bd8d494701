package terminal

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, c := range []struct {
		elapsed     time.Duration
		done, total int
		want        string
	}{
		{time.Second, 50, 100, ""},
		{10 * time.Second, 0, 100, ""},
		{10 * time.Second, 100, 100, ""},
		{10 * time.Second, 20, 100, "2/s, 40s left"},
		{2 * time.Minute, 1, 31, "0.5/min, 1h0m0s left"},
		{4 * time.Second, 5000, 2_000_000, "1250/s, 26m36s left"},
	} {
		if got := pace(c.elapsed, c.done, c.total); got != c.want {
			t.Errorf("%d of %d in %v: %q, want %q", c.done, c.total, c.elapsed, got, c.want)
		}
	}
}
