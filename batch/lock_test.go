package batch

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	l, err := acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = acquire(path)
	held, ok := errors.AsType[*heldError](err)
	if !ok || held.owner.PID != os.Getpid() || held.owner.Host == "" {
		t.Fatalf("the second owner gets %v", err)
	}
	l.release()
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is left")
	}
	if l, err = acquire(path); err != nil {
		t.Fatal(err)
	}
	l.release()
}

// TestLockOfAnotherHost takes locks whose owners the operating system's lock does
// not know of.
func TestLockOfAnotherHost(t *testing.T) {
	for _, c := range []struct {
		name string
		by   any
		held bool
	}{
		{"alive", owner{Host: "elsewhere", PID: 1, Seen: time.Now()}, true},
		{"not seen for long", owner{Host: "elsewhere", PID: 1, Seen: time.Now().Add(-2 * stale)}, false},
		{"damaged", "x", false},
	} {
		path := filepath.Join(t.TempDir(), "x.lock")
		text, _ := json.Marshal(c.by)
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		l, err := acquire(path)
		if _, held := errors.AsType[*heldError](err); held != c.held {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			l.release()
		}
	}
}

// TestLockRace lets many goroutines take and release one lock.
func TestLockRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	var inside, times atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				l, err := acquire(path)
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
