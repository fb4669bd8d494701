package batch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/advparams/advparams/batch/objects"
)

// objectLock keeps two runs from working on one model whose outputs are in object
// storage. A run that wants the lock writes an object of its own below
// <output>.lock/ and then lists the objects there. Of several runs that do so, the
// last to list sees all the others, so at most one finds itself alone. The others
// remove their objects and try again later. All that this asks of the storage is
// that lists are up to date.
//
// The owner rewrites its object while it lives. Ages are differences between times
// of the storage's own clock. An owner whose process has ended on this system counts
// as dead at once. An owner that cannot rewrite its object for a while gives up by
// itself, before others take it for dead.
type objectLock struct {
	store objects.Store
	mine  string
	stop  func()
}

const (
	// objectBeat is the time between two refreshes of an objectLock.
	objectBeat = 30 * time.Second
	// giveUp is the time without a refresh after which an owner gives up.
	giveUp = stale / 2
)

// errLost says that a lock was removed by others, or could not be refreshed.
var errLost = errors.New("the lock in object storage was lost")

// acquireObject takes a lock. If somebody else has it, it returns a heldError. The
// context that it returns ends, with cause errLost, when the lock is lost.
func acquireObject(ctx context.Context, store objects.Store, url string) (context.Context, *objectLock, error) {
	l := &objectLock{store: store, mine: url + "/" + rand.Text()}
	host, _ := os.Hostname()
	me := owner{Host: host, PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second), Process: thisProcess()}
	if err := l.write(ctx, &me); err != nil {
		return nil, nil, err
	}
	begun := time.Now()
	others, err := l.others(ctx)
	if err != nil {
		l.remove(ctx)
		return nil, nil, err
	}
	for _, o := range others {
		by := owner{Host: "?"}
		switch data, _, err := store.Read(ctx, o.URL); {
		case errors.Is(err, fs.ErrNotExist): // its owner gave up meanwhile
		case err == nil && json.Unmarshal(data, &by) == nil && gone(by.Process):
			if err := store.Delete(ctx, o.URL); err != nil {
				l.remove(ctx)
				return nil, nil, err
			}
		default:
			l.remove(ctx)
			return nil, nil, &heldError{owner: by}
		}
	}
	held, lose := context.WithCancelCause(ctx)
	done, ended := make(chan struct{}), make(chan struct{})
	l.stop = func() { close(done); <-ended; lose(nil) }
	go func() {
		defer close(ended)
		l.keep(held, lose, &me, begun, done)
	}()
	return held, l, nil
}

// write writes the owner to the object.
func (l *objectLock) write(ctx context.Context, me *owner) error {
	me.Seen = time.Now().UTC().Truncate(time.Second)
	text, err := json.Marshal(me)
	if err != nil {
		return err
	}
	_, err = l.store.Write(ctx, l.mine, append(text, '\n'))
	return err
}

// others returns the objects of other runs that live, and removes those of dead
// ones. It fails with errLost if our own object is gone.
func (l *objectLock) others(ctx context.Context) ([]objects.Object, error) {
	list, err := l.store.List(ctx, objects.Dir(l.mine)+"/")
	if err != nil {
		return nil, err
	}
	var now time.Time
	for _, o := range list {
		if o.URL == l.mine {
			now = o.Modified
		}
	}
	if now.IsZero() {
		return nil, errLost
	}
	var alive []objects.Object
	for _, o := range list {
		switch {
		case o.URL == l.mine:
		case now.Sub(o.Modified) < stale:
			alive = append(alive, o)
		default:
			if err := l.store.Delete(ctx, o.URL); err != nil {
				return nil, err
			}
		}
	}
	return alive, nil
}

// keep refreshes the lock until done is closed, and calls lose if that fails for too
// long.
func (l *objectLock) keep(ctx context.Context, lose context.CancelCauseFunc, me *owner, seen time.Time, done <-chan struct{}) {
	tick := time.NewTicker(objectBeat)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		began := time.Now()
		beat, cancel := context.WithDeadline(context.WithoutCancel(ctx), seen.Add(giveUp))
		err := l.check(beat)
		if err == nil {
			err = l.write(beat, me)
		}
		cancel()
		switch {
		case err == nil:
			seen = began
		case errors.Is(err, errLost) || time.Since(seen) >= giveUp:
			lose(errLost)
			return
		}
	}
}

// check returns errLost if the lock was removed.
func (l *objectLock) check(ctx context.Context) error {
	_, err := l.others(ctx)
	return err
}

// remove removes our own object.
func (l *objectLock) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	// If this fails, the object counts as dead after a while.
	_ = l.store.Delete(ctx, l.mine)
}

// release gives the lock up.
func (l *objectLock) release(ctx context.Context) {
	l.stop()
	l.remove(ctx)
}
