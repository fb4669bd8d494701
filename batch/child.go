package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/hint"
)

// grace is how long a command that was told to end may take to do so.
const grace = 20 * time.Second

// maxOutput is the number of bytes kept of what a command prints on standard
// output, which is one JSON object, and the most of its last messages.
const (
	maxOutput = 64 << 20
	maxTail   = 64 << 10
)

// outcome is what came of a command.
type outcome struct {
	status  int
	err     error  // nil if the status is 0; with a hint if the command gave one
	stdout  []byte // one JSON object
	peak    int64  // of memory, in bytes; 0: unknown
	killed  bool   // by somebody else, who may have been the system, out of memory
	crashed bool   // killed, or ended in another way than its own
}

// child runs commands of a job.
type child struct {
	command []string // the program and arguments that come first
	threads int
	scratch string   // for temporary files
	lock    *os.File // stays open in the child, so that its lock lasts as long
	log     io.Writer
}

// run runs a command to its end. When ctx ends, it is told to stop, and after a
// while made to.
func (c *child) run(ctx context.Context, args ...string) outcome {
	fmt.Fprintf(c.log, "$ advparams %s\n", strings.Join(args, " "))
	argv := append(c.command[1:len(c.command):len(c.command)], args...)
	cmd := exec.CommandContext(ctx, c.command[0], argv...)
	cmd.Args[0] = "advparams"
	stdout, tail := &limited{max: maxOutput}, &last{max: maxTail}
	cmd.Stdout, cmd.Stderr = stdout, io.MultiWriter(tail, c.log)
	// What a killed command leaves, such as the unlocked model of verify, can
	// then be found and removed.
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
	err := cmd.Wait()
	o := outcome{stdout: stdout.Bytes(), peak: peakMemory(cmd.ProcessState)}
	switch {
	case ctx.Err() != nil:
		o.status, o.err = exitcode.Failed, ctx.Err()
	case err != nil:
		o.explain(cmd.ProcessState, tail.String())
	case stdout.over || !json.Valid(o.stdout):
		o.status, o.err = exitcode.Failed, errors.New("the command printed no JSON")
	}
	if o.err != nil {
		fmt.Fprintf(c.log, "%s: %v\n", cmd.ProcessState, o.err)
	}
	return o
}

// The lines on which commands say what went wrong, and what to do about it.
const (
	errorLine = "advparams: error: "
	hintLine  = "advparams: hint: "
)

// named puts the names that people know in the place of paths of copies.
func (o *outcome) named(s *stage) {
	if len(s.names) == 0 {
		return
	}
	o.stdout = []byte(s.named(string(o.stdout)))
	if o.err != nil {
		named, advice := errors.New(s.named(o.err.Error())), hint.Of(o.err)
		if o.err = named; advice != "" {
			o.err = hint.With(named, "%s", s.named(advice))
		}
	}
}

// explain finds out why a command failed from how it ended and its last messages.
func (o *outcome) explain(state *os.ProcessState, messages string) {
	var why, advice string
	for line := range strings.Lines(messages) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, errorLine); ok {
			why, advice = text, ""
		}
		if text, ok := strings.CutPrefix(line, hintLine); ok {
			advice = text
		}
	}
	o.status, o.killed = state.ExitCode(), killed(state)
	switch {
	case o.killed:
		o.err = hint.With(errors.New("killed, perhaps because memory ran out"), "give the model's memory in the manifest, or fewer --workers")
	case why != "" && o.status >= exitcode.Failed && o.status <= exitcode.Last:
		o.err = errors.New(why)
		if advice != "" {
			o.err = hint.With(o.err, "%s", advice)
		}
		return
	default:
		// A Go program that crashes has status 2, too.
		o.err = fmt.Errorf("crashed: %s%s", state, firstFatal(messages))
	}
	o.status, o.crashed = exitcode.Failed, true
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
	over bool
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
