package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/advparams/advparams/internal/filelock"
)

// lock keeps two runs from working on one model. It consists of two locks. The
// operating system's lock on the file ends with the last process that has the file
// open, so it cannot become stale. The content of the file, which names the owner
// and is refreshed, is for file systems whose locks do not reach other hosts.
type lock struct {
	file *os.File
	path string
	stop func()
}

// owner is the content of a lock file.
type owner struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
	Seen  time.Time `json:"seen"` // refreshed while the owner lives
	// Process identifies the owner's process (thisProcess), for locks that do not
	// end with it.
	Process string `json:"process,omitempty"`
}

func (o owner) String() string {
	return fmt.Sprintf("process %d on %s, since %s", o.PID, o.Host, o.Since.Format(time.DateTime))
}

const (
	// beat is the time between two refreshes of a lock.
	beat = 15 * time.Second
	// stale is the time without a sign of life after which an owner on another host
	// counts as dead. It leaves room for clocks that differ and for slow network
	// file systems.
	stale = 5 * time.Minute
)

// heldError says who holds a lock.
type heldError struct{ owner owner }

func (e *heldError) Error() string { return "locked by " + e.owner.String() }

// acquire takes a lock. If somebody else has it, it returns a heldError at once.
func acquire(path string) (*lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		err = filelock.Try(f)
		local := !errors.Is(err, errors.ErrUnsupported) // else the content alone is the lock
		if err != nil && local {
			by := readOwner(f)
			f.Close()
			if errors.Is(err, filelock.ErrHeld) {
				return nil, &heldError{by}
			}
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		// The previous owner may have removed the file after it was opened here.
		mine, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		if there, err := os.Stat(path); err != nil || !os.SameFile(mine, there) {
			f.Close()
			continue
		}
		host, _ := os.Hostname()
		if by := readOwner(f); (by.Host != host || !local) && time.Since(by.Seen) < stale {
			f.Close()
			return nil, &heldError{by}
		}
		l := &lock{file: f, path: path}
		if err := l.begin(host); err != nil {
			l.release()
			return nil, err
		}
		return l, nil
	}
}

// begin writes the owner and keeps refreshing it.
func (l *lock) begin(host string) error {
	me := owner{Host: host, PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second)}
	write := func() error {
		me.Seen = time.Now().UTC().Truncate(time.Second)
		text, err := json.Marshal(me)
		if err != nil {
			return err
		}
		_, err = l.file.WriteAt(append(text, '\n'), 0)
		return err
	}
	done, ended := make(chan struct{}), make(chan struct{})
	l.stop = sync.OnceFunc(func() { close(done); <-ended })
	if err := l.file.Truncate(0); err != nil {
		close(ended)
		return err
	}
	if err := write(); err != nil {
		close(ended)
		return err
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				// If one refresh fails, the next will do.
				_ = write()
			}
		}
	}()
	return nil
}

// release gives the lock up and removes its file.
func (l *lock) release() {
	if l.stop != nil {
		l.stop()
	}
	os.Remove(l.path) // while it is still locked
	l.file.Truncate(0)
	l.file.Close()
}

// readOwner returns the owner that a lock file names.
func readOwner(f *os.File) (by owner) {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err != nil || json.Unmarshal(text, &by) != nil {
		return owner{Host: "?"}
	}
	return by
}
