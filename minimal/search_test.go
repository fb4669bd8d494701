package minimal

import (
	"testing"
	"time"
)

func TestRemaining(t *testing.T) {
	for _, c := range []struct {
		since time.Duration
		share float64
		want  string
	}{{5 * time.Second, 0.5, ""}, {time.Minute, 0.01, ""}, {time.Minute, 0.25, ", at most 3m0s left"}, {time.Minute, 1.2, ""}} {
		if got := remaining(c.since, c.share); got != c.want {
			t.Errorf("after %v and %v of the work: %q, want %q", c.since, c.share, got, c.want)
		}
	}
}
