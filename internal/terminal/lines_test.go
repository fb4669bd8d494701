package terminal

import (
	"slices"
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	clock := time.Unix(0, 0)
	var got []string
	l := NewLines(30*time.Second, func(line string) { got = append(got, line) })
	l.now = func() time.Time { return clock }
	l.begun, l.last = clock, clock
	for range 8 { // 0 s, 10 s … 70 s
		l.Set("searching", int(clock.Unix()), 128, "accuracy 12 %", false)
		clock = clock.Add(10 * time.Second)
	}
	clock = clock.Add(time.Hour)
	l.Set("measuring", 0, 40, "", true)
	clock = clock.Add(time.Minute)
	l.Set("measuring", 10, 40, "", true)
	want := []string{"searching, 30s: 30 of 128, accuracy 12 %", "searching, 1m0s: 60 of 128, accuracy 12 %", "measuring, 1h1m20s: 0 of 40", "measuring, 1h2m20s: 10 of 40, 10/min, 3m0s left"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	var none *Lines
	none.Set("searching", 1, 2, "", false)
}
