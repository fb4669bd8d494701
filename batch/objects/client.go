package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// Program is the name of the program that talks to the clouds. The environment
// variable ProgramVariable says where it is if it is in no usual place.
const (
	Program         = "advparams-storage"
	ProgramVariable = "ADVPARAMS_STORAGE"
)

// Client is a [Store] that passes every operation on to the program. It starts the
// program when it is first needed, and again if it ends. Operations are then
// repeated, which does no harm. The zero Client is ready to use; Close ends it.
type Client struct {
	mu   sync.Mutex
	proc *process
}

// starts is the number of times an operation is tried if the program keeps ending.
const starts = 4

// errEnded says that the program has ended.
var errEnded = errors.New(Program + " ended")

// MissingProgramError says that the program is in none of the places where Client
// looks for it.
type MissingProgramError struct {
	Err error // of the search on the PATH
}

func (e *MissingProgramError) Error() string {
	return fmt.Sprintf("object storage needs the program %s: %v", Program, e.Err)
}

// Unwrap returns the error of the search.
func (e *MissingProgramError) Unwrap() error { return e.Err }

// Hint returns what to do about it.
func (e *MissingProgramError) Hint() string {
	return "make storage builds it; put it beside advparams or on the PATH, or name it in " + ProgramVariable
}

// find returns the path of the program: the value of the variable, or else a file
// beside this program, or else one on the PATH.
func find() (string, error) {
	if path := os.Getenv(ProgramVariable); path != "" {
		return path, nil
	}
	name := Program
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &MissingProgramError{err}
	}
	return path, nil
}

// running returns the program, and starts it if it is not running.
func (c *Client) running() (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc != nil && !c.proc.ended() {
		return c.proc, nil
	}
	path, err := find()
	if err != nil {
		return nil, err
	}
	c.proc, err = start(path)
	return c.proc, err
}

// Close ends the program, if it is running.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc != nil {
		c.proc.in.Close()
		<-c.proc.done
		c.proc = nil
	}
}

// call has the program do one operation.
func (c *Client) call(ctx context.Context, r request) (*reply, error) {
	for try := 1; ; try++ {
		p, err := c.running()
		if err != nil {
			return nil, err
		}
		a, err := p.call(ctx, r)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil:
			return a, a.err()
		case !errors.Is(err, errEnded) || try == starts:
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond << try):
		}
	}
}

// one is call for operations that return one object.
func (c *Client) one(ctx context.Context, r request) (Object, []byte, error) {
	a, err := c.call(ctx, r)
	if err != nil {
		return Object{}, nil, err
	}
	if len(a.Objects) != 1 {
		return Object{}, nil, fmt.Errorf("%s returned %d objects for %s %s", Program, len(a.Objects), r.Op, r.URL)
	}
	return a.Objects[0], a.Data, nil
}

// List implements Store.
func (c *Client) List(ctx context.Context, prefix string) ([]Object, error) {
	a, err := c.call(ctx, request{Op: opList, URL: prefix})
	if err != nil {
		return nil, err
	}
	return a.Objects, nil
}

// Stat implements Store.
func (c *Client) Stat(ctx context.Context, url string) (Object, error) {
	o, _, err := c.one(ctx, request{Op: opStat, URL: url})
	return o, err
}

// Get implements Store.
func (c *Client) Get(ctx context.Context, url, file string) (Object, error) {
	o, _, err := c.one(ctx, request{Op: opGet, URL: url, File: file})
	return o, err
}

// Put implements Store.
func (c *Client) Put(ctx context.Context, url, file string, fresh bool) (Object, error) {
	o, _, err := c.one(ctx, request{Op: opPut, URL: url, File: file, Fresh: fresh})
	return o, err
}

// Read implements Store.
func (c *Client) Read(ctx context.Context, url string) ([]byte, Object, error) {
	o, data, err := c.one(ctx, request{Op: opRead, URL: url})
	return data, o, err
}

// Write implements Store.
func (c *Client) Write(ctx context.Context, url string, data []byte) (Object, error) {
	o, _, err := c.one(ctx, request{Op: opWrite, URL: url, Data: data})
	return o, err
}

// Delete implements Store.
func (c *Client) Delete(ctx context.Context, url string) error {
	_, err := c.call(ctx, request{Op: opDelete, URL: url})
	return err
}

// process is the program while it runs.
type process struct {
	in   io.WriteCloser
	line sync.Mutex    // held while a request is written to in
	done chan struct{} // closed when the program has ended

	mu      sync.Mutex
	next    int                 // number of the last request
	waiting map[int]chan *reply // by number of the request
	why     error               // the program ended; nil while it runs
}

// start starts the program. Its messages go to our standard error.
func start(path string) (*process, error) {
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", Program, err)
	}
	p := &process{in: in, done: make(chan struct{}), waiting: map[int]chan *reply{}}
	go func() {
		p.listen(out)
		err := cmd.Wait()
		if err == nil {
			err = errors.New("before its work was done")
		}
		p.end(fmt.Errorf("%w: %w", errEnded, err))
	}()
	return p, nil
}

// listen hands replies to those who wait for them.
func (p *process) listen(out io.Reader) {
	dec := json.NewDecoder(out)
	for {
		a := &reply{}
		if err := dec.Decode(a); err != nil {
			p.in.Close() // makes a program end that prints anything but replies
			return
		}
		p.mu.Lock()
		if back := p.waiting[a.ID]; back != nil {
			delete(p.waiting, a.ID)
			back <- a
		}
		p.mu.Unlock()
	}
}

// end tells everybody who waits that the program has ended.
func (p *process) end(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.why = why
	for _, back := range p.waiting {
		close(back)
	}
	clear(p.waiting)
	close(p.done)
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// call sends a request and waits for the reply. When ctx ends it cancels the
// operation and still waits, so that nothing goes on after it returns.
func (p *process) call(ctx context.Context, r request) (*reply, error) {
	back := make(chan *reply, 1)
	if err := p.send(&r, back); err != nil {
		return nil, err
	}
	var a *reply
	select {
	case a = <-back:
	case <-ctx.Done():
		// If this cannot be sent, the program has ended.
		_ = p.send(&request{ID: r.ID, Op: opCancel}, nil)
		a = <-back
	}
	if a == nil {
		return nil, p.why
	}
	return a, nil
}

// send writes a request. If back is not nil, the reply goes there.
func (p *process) send(r *request, back chan *reply) error {
	if err := p.register(r, back); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	// Another goroutine reads replies meanwhile. Otherwise both sides could wait
	// for each other.
	p.line.Lock()
	defer p.line.Unlock()
	if _, err = p.in.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	return nil
}

// register gives a request that wants a reply its number.
func (p *process) register(r *request, back chan *reply) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.why != nil {
		return p.why
	}
	if back != nil {
		p.next++
		r.ID = p.next
		p.waiting[r.ID] = back
	}
	return nil
}
