package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/wire"
)

// grace is how long a child process that was told to stop may take to do so.
const grace = 20 * time.Second

// maxTail is the number of bytes kept of the end of a child's messages.
const maxTail = 64 << 10

// outcome is what came of a step in a child process.
type outcome struct {
	status   int
	err      error          // nil if the status is 0
	response *wire.Response // nil unless the child gave one
	peak     int64          // memory in bytes; 0: unknown
	killed   bool           // by somebody else: perhaps by the system, which ran out of memory
	crashed  bool           // killed, or ended in another way than its own
}

// child runs the steps of a job, each in a process.
type child struct {
	command []string // the program and its first arguments
	threads int
	scratch string   // for temporary files
	lock    *os.File // stays open in the child, so that the lock lasts as long
	log     io.Writer
}

// run runs a step to its end. When ctx ends, the child is told to stop, and is
// killed if it does not.
func (c *child) run(ctx context.Context, r *wire.Request) outcome {
	fmt.Fprintf(c.log, "$ advparams %s\n", wire.Shell(r.CommandLine()))
	text, err := r.Encode()
	if err != nil {
		return outcome{status: exitcode.Failed, err: err}
	}
	argv := append(c.command[1:len(c.command):len(c.command)], wire.Command)
	cmd := exec.CommandContext(ctx, c.command[0], argv...)
	cmd.Args[0] = "advparams"
	stdout, tail := &limited{max: wire.MaxResponse}, &last{max: maxTail}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), stdout, io.MultiWriter(tail, c.log)
	// What a killed child leaves, such as the unlocked model of verify, can then
	// be found and removed.
	cmd.Env = append(os.Environ(), "TMPDIR="+c.scratch, "TMP="+c.scratch)
	if c.threads > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", c.threads))
	}
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = grace
	prepare(cmd, c.lock)

	// A child may be tied to the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return outcome{status: exitcode.Failed, err: err}
	}
	sacrifice(cmd.Process.Pid)
	err = cmd.Wait()
	o := outcome{peak: peakMemory(cmd.ProcessState)}
	switch {
	case ctx.Err() != nil:
		o.status, o.err = exitcode.Failed, ctx.Err()
	case err != nil:
		o.crash(cmd.ProcessState, tail.String())
	case stdout.over:
		o.status, o.err = exitcode.Failed, errors.New("the step ended with a response that is too long")
	default:
		o.read(stdout.Bytes())
	}
	if o.err != nil && o.response == nil { // the child itself has not said it
		fmt.Fprintf(c.log, "%s: %v\n", cmd.ProcessState, o.err)
	}
	return o
}

// read takes over what a child responded.
func (o *outcome) read(text []byte) {
	if o.response, o.err = wire.ParseResponse(text); o.err != nil {
		o.status = exitcode.Failed
		return
	}
	if e := o.response.Error; e != nil {
		o.status, o.err = e.Status, e
	}
}

// crash finds out how a child ended that did not end by itself, from its state
// and its last messages.
func (o *outcome) crash(state *os.ProcessState, messages string) {
	o.status, o.crashed, o.killed = exitcode.Failed, true, killed(state)
	if o.killed {
		o.err = &KilledError{}
		return
	}
	o.err = fmt.Errorf("crashed: %s%s", state, firstFatal(messages))
}

// firstFatal returns the first line of a crash.
func firstFatal(messages string) string {
	for line := range strings.Lines(messages) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "runtime: ") {
			return ", " + strings.TrimSpace(line)
		}
	}
	return ""
}

// limited keeps the first bytes that are written to it.
type limited struct {
	bytes.Buffer
	max  int
	over bool // more were written
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.max-l.Len())
	l.over = l.over || n < len(p)
	l.Buffer.Write(p[:n])
	return len(p), nil
}

// last keeps the last bytes that are written to it.
type last struct {
	bytes.Buffer
	max int
}

func (l *last) Write(p []byte) (int, error) {
	l.Buffer.Write(p)
	if l.Len() > 2*l.max {
		l.Next(l.Len() - l.max)
	}
	return len(p), nil
}
