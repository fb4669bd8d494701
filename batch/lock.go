package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/advparams/advparams/internal/filelock"
	"github.com/advparams/advparams/internal/guard"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// lock keeps two runs from working on one model. It consists of two locks. The
// operating system's lock on the file ends with the last process that has the file
// open, so it cannot become stale. The content of the file, which names the owner
// and is refreshed, is for file systems whose locks do not reach other hosts.
type lock struct {
	folder *os.Root // of the file; whoever takes the lock closes it
	name   string
	file   *os.File
	stop   func()
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
	// counts as dead. It leaves room for slow network file systems.
	stale = 5 * time.Minute
)

// heldError says who holds a lock.
type heldError struct {
	owner owner
	// quiet is how long the owner has given no sign of life, if that counts.
	quiet time.Duration
}

func (e *heldError) Error() string {
	if e.quiet == 0 {
		return "locked by " + e.owner.String()
	}
	return fmt.Sprintf("locked by %v, without a sign of life for %v (it counts as dead after %v)", e.owner, e.quiet.Round(time.Second), stale)
}

// acquire takes the lock with this name in a folder. If somebody else has it, it
// returns a heldError at once. seen has what this process has found in lock files
// before; nil if it does not try again.
func acquire(folder *os.Root, name string, seen *sightings) (*lock, error) {
	path := filepath.Join(folder.Name(), name)
	for {
		f, err := guard.Open(folder, name, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		err = filelock.Try(f)
		local := !errors.Is(err, errors.ErrUnsupported) // else the content alone is the lock
		if err != nil && local {
			by, _ := readOwner(f)
			f.Close()
			if errors.Is(err, filelock.ErrHeld) {
				return nil, &heldError{owner: by}
			}
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		// The previous owner may have removed the file after it was opened here.
		mine, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		if there, err := folder.Lstat(name); err != nil || !os.SameFile(mine, there) {
			f.Close()
			continue
		}
		host, _ := os.Hostname()
		if by, text := readOwner(f); text != "" && (by.Host != host || !local) && !gone(by.Process) {
			quiet := max(now(folder).Sub(mine.ModTime()), seen.unchanged(path, text))
			if quiet < stale {
				f.Close()
				return nil, &heldError{by, max(quiet, 1)}
			}
		}
		l := &lock{folder: folder, name: name, file: f}
		if err := l.begin(host); err != nil {
			l.release()
			return nil, err
		}
		return l, nil
	}
}

// begin writes the owner and keeps refreshing it.
func (l *lock) begin(host string) error {
	me := owner{Host: host, PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second), Process: thisProcess()}
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
	l.folder.Remove(l.name) // while it is still locked
	l.file.Truncate(0)
	l.file.Close()
}

// readOwner returns the owner that a lock file names, and the text of it; "" if it names
// none.
func readOwner(f *os.File) (by owner, text string) {
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err != nil || json.Unmarshal(data, &by) != nil {
		return owner{Host: "?"}, ""
	}
	return by, string(data)
}

// now returns the time by the clock that dates the files of a folder, which may be
// that of another machine. Clocks of hosts that share the folder may differ by more
// than stale.
func now(folder *os.Root) time.Time {
	probe := atomicfile.TempName()
	f, err := folder.OpenFile(probe, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return time.Now()
	}
	defer folder.Remove(probe)
	defer f.Close()
	if _, err := f.Write([]byte{0}); err != nil {
		return time.Now()
	}
	info, err := f.Stat()
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
}

// sightings are what a process has seen in lock files, and since when by its own
// clock. A lock file whose time is in the future, by a wrong clock or by intent, counts
// as dead when nothing has changed in it for long enough.
type sightings struct {
	mu    sync.Mutex
	first map[string]sighting // by path
	clock func() time.Time    // nil: time.Now
}

type sighting struct {
	text string
	at   time.Time
}

// unchanged returns for how long this process has seen a text in a file.
func (s *sightings) unchanged(path, text string) time.Duration {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clock := time.Now
	if s.clock != nil {
		clock = s.clock
	}
	if seen, ok := s.first[path]; ok && seen.text == text {
		return clock().Sub(seen.at)
	}
	if s.first == nil {
		s.first = map[string]sighting{}
	}
	s.first[path] = sighting{text, clock()}
	return 0
}
