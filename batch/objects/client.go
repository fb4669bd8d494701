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

	"github.com/advparams/advparams/internal/hint"
)

// Program is the name of the program with the clients of the clouds, and
// ProgramVariable the environment variable that says where it is.
const (
	Program         = "advparams-storage"
	ProgramVariable = "ADVPARAMS_STORAGE"
)

// Client is a Store that has the program do everything. It starts it when it is
// needed, and again if it ends: no operation does harm when it is repeated.
type Client struct {
	mu   sync.Mutex
	proc *process
}

// starts is how often an operation is tried whose program ends.
const starts = 4

// errEnded says that the program has ended.
var errEnded = errors.New(Program + " ended")

// find returns the path of the program: where the variable says, beside this
// program, or on the PATH.
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
		return "", hint.With(fmt.Errorf("object storage needs the program %s: %w", Program, err),
			"make storage builds it; put it beside advparams or on the PATH, or name it in %s", ProgramVariable)
	}
	return path, nil
}

// running returns the program, started if it is not there.
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

// Close ends the program.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc != nil {
		c.proc.in.Close()
		<-c.proc.done
		c.proc = nil
	}
}

// call has the program do one thing.
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

func (c *Client) List(ctx context.Context, prefix string) ([]Object, error) {
	a, err := c.call(ctx, request{Op: opList, URL: prefix})
	if err != nil {
		return nil, err
	}
	return a.Objects, nil
}

func (c *Client) Stat(ctx context.Context, url string) (Object, error) {
	o, _, err := c.one(ctx, request{Op: opStat, URL: url})
	return o, err
}

func (c *Client) Get(ctx context.Context, url, file string) (Object, error) {
	o, _, err := c.one(ctx, request{Op: opGet, URL: url, File: file})
	return o, err
}

func (c *Client) Put(ctx context.Context, url, file string, fresh bool) (Object, error) {
	o, _, err := c.one(ctx, request{Op: opPut, URL: url, File: file, Fresh: fresh})
	return o, err
}

func (c *Client) Read(ctx context.Context, url string) ([]byte, Object, error) {
	o, data, err := c.one(ctx, request{Op: opRead, URL: url})
	return data, o, err
}

func (c *Client) Write(ctx context.Context, url string, data []byte) (Object, error) {
	o, _, err := c.one(ctx, request{Op: opWrite, URL: url, Data: data})
	return o, err
}

func (c *Client) Delete(ctx context.Context, url string) error {
	_, err := c.call(ctx, request{Op: opDelete, URL: url})
	return err
}

// process is the program while it runs.
type process struct {
	in   io.WriteCloser
	line sync.Mutex    // held while one is written to in
	done chan struct{} // closed when it has ended

	mu      sync.Mutex
	next    int
	waiting map[int]chan *reply
	why     error // it ended
}

// start runs the program. Its messages go where ours go.
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

// listen hands replies out.
func (p *process) listen(out io.Reader) {
	dec := json.NewDecoder(out)
	for {
		a := &reply{}
		if err := dec.Decode(a); err != nil {
			p.in.Close() // whoever prints something else has to end, too
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

// call sends a request and waits for the reply, also when ctx ends: nothing is
// done any longer when it returns.
func (p *process) call(ctx context.Context, r request) (*reply, error) {
	back := make(chan *reply, 1)
	if err := p.send(&r, back); err != nil {
		return nil, err
	}
	var a *reply
	select {
	case a = <-back:
	case <-ctx.Done():
		// If it cannot be sent, the program has ended.
		_ = p.send(&request{ID: r.ID, Op: opCancel}, nil)
		a = <-back
	}
	if a == nil {
		return nil, p.why
	}
	return a, nil
}

// send writes a request. One that wants a reply gets its number here.
func (p *process) send(r *request, back chan *reply) error {
	if err := p.register(r, back); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	// Replies are taken meanwhile, or both sides could wait for each other.
	p.line.Lock()
	defer p.line.Unlock()
	if _, err = p.in.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	return nil
}

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
