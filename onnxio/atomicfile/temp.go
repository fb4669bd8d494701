package atomicfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Endings of temporary names: files on their way, and what they have replaced,
// until the whole set is in place.
const (
	tempEnding   = ".tmp"
	backupEnding = ".old"
)

// tempName returns a temporary name that says who made it: a number for the
// machine, the process and a random number.
func tempName(ending string) string {
	return fmt.Sprintf(".advparams-%s-%d-%016x%s", machine(), os.Getpid(), rand.Uint64(), ending)
}

// machine identifies the system whose process numbers are ours. Folders may be
// shared with other machines, and containers number processes anew.
var machine = sync.OnceValue(func() string {
	h := sha256.New()
	host, _ := os.Hostname()
	id, _ := os.ReadFile("/etc/machine-id")
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	fmt.Fprintf(h, "%q %q %q", host, id, namespace)
	return fmt.Sprintf("%x", h.Sum(nil)[:4])
})

// createTemp creates a file of a new name beside a place. Unlike os.CreateTemp it
// respects the umask.
func createTemp(at place, perm fs.FileMode) (*os.File, place, error) {
	for range 100 {
		temp := at.beside(tempName(tempEnding))
		f, err := temp.root().OpenFile(temp.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, temp, err
		}
	}
	return nil, place{}, errors.New("no free temporary name")
}

// Sweep removes what dead processes have left in a folder. A Set does so in the folders
// that it writes to.
func Sweep(dir *os.Root) { sweep(place{&folder{dir}, "."}) }

// TempName returns a new name for a file that Sweep removes once this process is dead.
func TempName() string { return tempName(tempEnding) }

// sweep removes temporary files from a folder whose processes have been killed.
// What cannot be removed stays for the next time.
func sweep(dir place) {
	d, err := dir.root().Open(dir.name)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if pid, ok := madeHere(name); ok && !alive(pid) {
			_ = dir.root().Remove(filepath.Join(dir.name, name))
		}
	}
}

// madeHere returns the process that made a temporary file, if it is one of this
// machine.
func madeHere(name string) (pid int, ok bool) {
	rest, ok := strings.CutPrefix(name, ".advparams-"+machine()+"-")
	if !ok || !strings.HasSuffix(rest, tempEnding) && !strings.HasSuffix(rest, backupEnding) {
		return 0, false
	}
	var random uint64
	if n, _ := fmt.Sscanf(rest, "%d-%16x.", &pid, &random); n != 2 || pid < 1 {
		return 0, false
	}
	return pid, true
}

// IsTemporary reports whether a file has a name that this package gives to files on
// their way, here or on another machine.
func IsTemporary(name string) bool {
	return strings.HasPrefix(name, ".advparams-") && (strings.HasSuffix(name, tempEnding) || strings.HasSuffix(name, backupEnding))
}

// alive reports whether a process runs, whoever owns it. In doubt it does.
func alive(pid int) bool {
	if ended(pid) {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false // on Windows there is none
	}
	defer p.Release()
	err = p.Signal(syscall.Signal(0))
	return !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}

// ended reports whether a process has ended, but not for its parent, which has not
// asked for its exit status yet. In many containers the first process never asks.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // of Linux
	if err != nil {
		return false
	}
	// The state follows the name, which is in parentheses and may hold any.
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	return bytes.HasPrefix(after, []byte(" Z")) || bytes.HasPrefix(after, []byte(" X"))
}
