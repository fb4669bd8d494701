package batch

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	folder := root(t)
	l, err := acquire(folder, "x.lock", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = acquire(folder, "x.lock", nil)
	held, ok := errors.AsType[*heldError](err)
	if !ok || held.owner.PID != os.Getpid() || held.owner.Host == "" {
		t.Fatalf("the second owner gets %v", err)
	}
	l.release()
	if list := tree(t, folder); len(list) > 0 {
		t.Errorf("%q is left", list)
	}
	if l, err = acquire(folder, "x.lock", nil); err != nil {
		t.Fatal(err)
	}
	l.release()
}

// TestLockOfAnotherHost takes locks whose owners the operating system's lock does
// not know of. Their clocks are wrong, and so may be the dates of their files.
func TestLockOfAnotherHost(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name    string
		by      any
		written time.Duration // when the file was, from now
		held    bool
	}{
		{"alive", owner{Host: "elsewhere", PID: 1, Seen: time.Now()}, 0, true},
		{"alive, by a clock that is slow", owner{Host: "elsewhere", PID: 1, Seen: time.Now().Add(-day)}, 0, true},
		{"not seen for long", owner{Host: "elsewhere", PID: 1, Seen: time.Now().Add(-2 * stale)}, -2 * stale, false},
		{"not seen for long, by a clock that is fast", owner{Host: "elsewhere", PID: 1, Seen: time.Now().Add(day)}, -2 * stale, false},
		{"from the future", owner{Host: "elsewhere", PID: 1, Seen: time.Now().Add(day)}, day, true},
		{"damaged", "x", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := root(t)
			text, _ := json.Marshal(c.by)
			path := put(t, folder.Name(), "x.lock", string(text))
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(c.written)); err != nil {
				t.Fatal(err)
			}
			clock := time.Now()
			seen := &sightings{clock: func() time.Time { return clock }}
			l, err := acquire(folder, "x.lock", seen)
			if _, held := errors.AsType[*heldError](err); held != c.held {
				t.Fatal(err)
			}
			if c.held {
				if text := err.Error(); !strings.Contains(text, "process 1 on elsewhere") || !strings.Contains(text, "counts as dead after 5m") {
					t.Errorf("it says %q", text)
				}
				// Whatever the dates, a lock that does not change ends.
				clock = clock.Add(stale - time.Second)
				if _, err := acquire(folder, "x.lock", seen); err == nil {
					t.Fatal("taken too early")
				}
				clock = clock.Add(time.Second)
				l, err = acquire(folder, "x.lock", seen)
			}
			if err != nil {
				t.Fatal(err)
			}
			l.release()
			if list := tree(t, folder); len(list) > 0 {
				t.Errorf("%q is left", list)
			}
		})
	}
}

// TestLockThatIsRefreshed sees a sign of life in every change, whatever the dates.
func TestLockThatIsRefreshed(t *testing.T) {
	folder := root(t)
	clock := time.Now()
	seen := &sightings{clock: func() time.Time { return clock }}
	for range 4 {
		text, _ := json.Marshal(owner{Host: "elsewhere", PID: 1, Seen: clock})
		path := put(t, folder.Name(), "x.lock", string(text))
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := acquire(folder, "x.lock", seen); err == nil {
			t.Fatal("taken although its owner lives")
		}
		clock = clock.Add(stale / 2)
	}
}

// root opens a temporary folder.
func root(t *testing.T) *os.Root {
	t.Helper()
	r, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// tree lists what is in a folder.
func tree(t *testing.T, r *os.Root) (names []string) {
	t.Helper()
	list, err := os.ReadDir(r.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// TestLockRace lets many goroutines take and release one lock.
func TestLockRace(t *testing.T) {
	folder := root(t)
	var inside, times atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				l, err := acquire(folder, "x.lock", nil)
				if err != nil {
					continue
				}
				if inside.Add(1) != 1 {
					t.Error("two owners at a time")
				}
				times.Add(1)
				inside.Add(-1)
				l.release()
			}
		})
	}
	wg.Wait()
	if times.Load() == 0 {
		t.Error("nobody got the lock")
	}
}
