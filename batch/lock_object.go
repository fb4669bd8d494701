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

// objectLock keeps two runs from working on one model whose outputs are in
// object storage. Whoever wants it writes an object of his own below
// <output>.lock/ and then lists what is there: of several who do so, the last to
// list sees all others, so at most one finds himself alone; the others remove
// their objects and come again. It needs nothing of the storage but that lists
// are up to date.
//
// The owner writes his object again while he lives. Ages are differences between
// times of the storage's own clock. An owner whose process has ended on this system
// counts as dead at once. Who cannot show that he lives for a while
// gives up by himself, before the others take him for dead.
type objectLock struct {
	store objects.Store
	mine  string
	stop  func()
}

const (
	objectBeat = 30 * time.Second
	// giveUp is the time without a beat after which an owner gives up.
	giveUp = stale / 2
)

// errLost says that a lock was taken away, or could not be kept.
var errLost = errors.New("the lock in object storage was lost")

// acquireObject takes a lock, or returns a heldError. The context ends with
// cause errLost when the lock is lost.
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
		case errors.Is(err, fs.ErrNotExist): // given up meanwhile
		case err == nil && json.Unmarshal(data, &by) == nil && gone(by.Process):
			if err := store.Delete(ctx, o.URL); err != nil {
				l.remove(ctx)
				return nil, nil, err
			}
		default:
			l.remove(ctx)
			return nil, nil, &heldError{by}
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

func (l *objectLock) write(ctx context.Context, me *owner) error {
	me.Seen = time.Now().UTC().Truncate(time.Second)
	text, err := json.Marshal(me)
	if err != nil {
		return err
	}
	_, err = l.store.Write(ctx, l.mine, append(text, '\n'))
	return err
}

// others returns the locks of others that live, and removes those of the dead.
// It fails with errLost if ours is not there.
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

// keep shows that the owner lives, until done.
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

// check makes sure that the lock was not taken away.
func (l *objectLock) check(ctx context.Context) error {
	_, err := l.others(ctx)
	return err
}

func (l *objectLock) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	// What stays counts as dead after a while.
	_ = l.store.Delete(ctx, l.mine)
}

// release gives the lock up.
func (l *objectLock) release(ctx context.Context) {
	l.stop()
	l.remove(ctx)
}
