package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Run runs cmd, of which Path, Args, Env and Dir count; Stdout and Stderr have to be
// files. It asks decide at every call that changes something below the folder root,
// numbered from 0, and returns the calls and how the program ended. If programs cannot
// be traced here, the error is ErrUnsupported.
func Run(cmd *exec.Cmd, root string, decide func(n int, c *Call) Fault) (calls []Call, status syscall.WaitStatus, err error) {
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, 0, err
	}
	// A tracer is a thread. It ends with the goroutine, which does not give it back.
	done := make(chan struct{})
	go func() {
		defer close(done)
		lockThread()
		t := &tracer{root: root, decide: decide, threads: map[int]*thread{}}
		if err = t.start(cmd); err == nil {
			err = t.loop()
		}
		calls, status = t.calls, t.status
	}()
	<-done
	if err == nil && status.ExitStatus() == helperFailed && len(calls) == 0 {
		err = ErrUnsupported
	}
	return calls, status, err
}

// lockThread gives the goroutine a thread that has no children: the tracer waits for all
// children of its thread, and must not take those that package os has started.
func lockThread() {
	runtime.LockOSThread()
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT|unix.WALL|unix.WNOTHREAD, nil)
		if errors.Is(err, unix.ECHILD) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

type tracer struct {
	root    string
	decide  func(int, *Call) Fault
	calls   []Call
	first   int // the process
	status  syscall.WaitStatus
	threads map[int]*thread
	killed  bool
}

// thread is a thread of a traced process.
type thread struct {
	call int  // in tracer.calls, while it is made; -1
	torn bool // it is to be killed after the call
}

func (t *tracer) start(cmd *exec.Cmd) error {
	if err := withFilter(cmd); err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	files := []uintptr{null.Fd(), null.Fd(), null.Fd()}
	for i, w := range []any{cmd.Stdout, cmd.Stderr} {
		if f, ok := w.(*os.File); ok {
			files[i+1] = f.Fd()
		}
	}
	t.first, _, err = syscall.StartProcess(cmd.Path, cmd.Args, &syscall.ProcAttr{
		Dir: cmd.Dir, Env: cmd.Env, Files: files, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if err != nil {
		return err
	}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(t.first, &ws, unix.WALL, nil); err != nil {
		return err
	}
	t.threads[t.first] = &thread{call: -1}
	const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACESYSGOOD |
		unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC
	if err := unix.PtraceSetOptions(t.first, options); err != nil {
		unix.Kill(t.first, unix.SIGKILL)
		syscall.Wait4(t.first, &ws, unix.WALL, nil)
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return ignoreGone(unix.PtraceCont(t.first, 0))
}

// loop runs the program to its end, and that of its children.
func (t *tracer) loop() error {
	var failed error
	for {
		var ws syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.ECHILD):
			return failed
		case err != nil:
			return err
		case !ws.Stopped():
			delete(t.threads, tid)
			if tid == t.first {
				t.status = ws
			}
			continue
		}
		if err := ignoreGone(t.stopped(tid, ws)); err != nil && failed == nil {
			failed = err
			t.killAll()
		}
	}
}

// ignoreGone drops the error of a thread that has been killed meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// stopped decides how a thread that has stopped goes on.
func (t *tracer) stopped(tid int, ws syscall.WaitStatus) error {
	th, known := t.threads[tid]
	if !known {
		th = &thread{call: -1}
		t.threads[tid] = th
	}
	if t.killed {
		return unix.Kill(tid, unix.SIGKILL) // it began meanwhile
	}
	switch sig := ws.StopSignal(); {
	case sig == unix.SIGTRAP && ws.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		return t.enter(tid, th)
	case sig == unix.SIGTRAP|0x80:
		return t.leave(tid, th)
	case sig == unix.SIGTRAP && ws.TrapCause() > 0, sig == unix.SIGSTOP && !known:
		return unix.PtraceCont(tid, 0)
	default:
		return unix.PtraceCont(tid, int(sig))
	}
}

// enter is about a thread that is about to make a call.
func (t *tracer) enter(tid int, th *thread) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	c, err := decode(tid, &regs, t.root)
	if err != nil {
		return err
	}
	if c == nil {
		return unix.PtraceCont(tid, 0)
	}
	f := t.decide(len(t.calls), c)
	t.calls = append(t.calls, *c)
	th.call, th.torn = len(t.calls)-1, f.Kill && f.Torn && len(c.Data) > 1
	switch {
	case th.torn:
		regs.Rdx = uint64(len(c.Data) / 2)
	case f.Kill:
		return t.killAll()
	case f.Errno != 0:
		regs.Orig_rax, regs.Rax = 1<<64-1, uint64(-int64(f.Errno))
	default:
		return unix.PtraceSyscall(tid, 0)
	}
	if err := unix.PtraceSetRegs(tid, &regs); err != nil {
		return err
	}
	return unix.PtraceSyscall(tid, 0)
}

// leave is about a thread that has made a call.
func (t *tracer) leave(tid int, th *thread) error {
	if th.torn {
		return t.killAll()
	}
	if th.call >= 0 {
		var regs unix.PtraceRegs
		if err := unix.PtraceGetRegs(tid, &regs); err != nil {
			return err
		}
		c := &t.calls[th.call]
		switch result := int64(regs.Rax); {
		case result < 0 && result > -4096:
			c.Errno = syscall.Errno(-result)
		case c.Create || c.Truncate:
			d := decoder{tid: tid, root: t.root}
			d.descriptor(c, uint64(result))
		case c.Data != nil:
			c.Data = c.Data[:result]
		}
		th.call = -1
	}
	return unix.PtraceCont(tid, 0)
}

func (t *tracer) killAll() error {
	t.killed = true
	for tid := range t.threads {
		unix.Kill(tid, unix.SIGKILL)
	}
	return nil
}
