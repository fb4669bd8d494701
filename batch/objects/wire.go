package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/advparams/advparams/internal/hint"
)

// request is a line to the program. The operation cancel ends the operation with
// the same ID.
type request struct {
	ID    int    `json:"id"`
	Op    string `json:"op"`
	URL   string `json:"url,omitempty"`
	File  string `json:"file,omitempty"`
	Data  []byte `json:"data,omitempty"`
	Fresh bool   `json:"fresh,omitempty"`
}

// reply is a line from the program. Every request except cancel gets one.
type reply struct {
	ID      int      `json:"id"`
	Objects []Object `json:"objects,omitempty"`
	Data    []byte   `json:"data,omitempty"`
	Error   string   `json:"error,omitempty"`
	Hint    string   `json:"hint,omitempty"`
	Kind    string   `json:"kind,omitempty"` // of the error: a key of kinds, or empty
}

const (
	opList   = "list"
	opStat   = "stat"
	opGet    = "get"
	opPut    = "put"
	opRead   = "read"
	opWrite  = "write"
	opDelete = "delete"
	opCancel = "cancel"
)

// kinds are the errors that callers distinguish, by their name in replies.
var kinds = map[string]error{"missing": fs.ErrNotExist, "exists": ErrExists}

// fail puts an error into the reply.
func (r *reply) fail(err error) {
	r.Error, r.Hint = err.Error(), hint.Of(err)
	for kind, target := range kinds {
		if errors.Is(err, target) {
			r.Kind = kind
		}
	}
}

// err returns the error in the reply.
func (r *reply) err() error {
	if r.Error == "" {
		return nil
	}
	return &storageError{r.Error, r.Hint, kinds[r.Kind]}
}

// storageError is an error that the program reported.
type storageError struct {
	text, hint string
	kind       error // what it wraps; may be nil
}

func (e *storageError) Error() string { return e.text }
func (e *storageError) Hint() string  { return e.hint }
func (e *storageError) Unwrap() error { return e.kind }

// Serve does what the requests on in ask of a store, and writes replies to out,
// until in ends. It then cancels the operations under way and returns when they
// have ended.
func Serve(ctx context.Context, store Store, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var mu sync.Mutex
	enc := json.NewEncoder(out)
	running := map[int]context.CancelFunc{}
	dec := json.NewDecoder(in)
	for {
		var r request
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading requests: %w", err)
		}
		mu.Lock()
		if r.Op == opCancel {
			if cancel := running[r.ID]; cancel != nil {
				cancel()
			}
			mu.Unlock()
			continue
		}
		one, cancel := context.WithCancel(ctx)
		running[r.ID] = cancel
		mu.Unlock()
		wg.Go(func() {
			answer := r.do(one, store)
			cancel()
			mu.Lock()
			defer mu.Unlock()
			delete(running, r.ID)
			// Nobody is left to hear of an error here.
			_ = enc.Encode(answer)
		})
	}
}

// do does one operation. A panic becomes an error in the reply.
func (r *request) do(ctx context.Context, s Store) (a *reply) {
	a = &reply{ID: r.ID}
	defer func() {
		if v := recover(); v != nil {
			a.fail(fmt.Errorf("internal error: %v", v))
		}
	}()
	var o Object
	var err error
	switch r.Op {
	case opList:
		a.Objects, err = s.List(ctx, r.URL)
	case opStat:
		o, err = s.Stat(ctx, r.URL)
	case opGet:
		o, err = s.Get(ctx, r.URL, r.File)
	case opPut:
		o, err = s.Put(ctx, r.URL, r.File, r.Fresh)
	case opRead:
		a.Data, o, err = s.Read(ctx, r.URL)
	case opWrite:
		o, err = s.Write(ctx, r.URL, r.Data)
	case opDelete:
		err = s.Delete(ctx, r.URL)
	default:
		err = fmt.Errorf("there is no operation %q", r.Op)
	}
	switch {
	case err != nil:
		a.fail(err)
	case r.Op != opList && r.Op != opDelete:
		a.Objects = []Object{o}
	}
	return a
}
