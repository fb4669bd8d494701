package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// thisProcess names this process so that no other of any host has the name: by
// the system's start, the namespace of process numbers, the number, and when the
// process began. Empty if that cannot be found out.
func thisProcess() string {
	where, err := numberedBy()
	if err != nil {
		return ""
	}
	began, err := beganAt(os.Getpid())
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %s", where, os.Getpid(), began)
}

// gone reports whether a process of thisProcess is known to have ended. Of
// processes elsewhere nothing is known.
func gone(process string) bool {
	where, err := numberedBy()
	if err != nil {
		return false
	}
	rest, here := strings.CutPrefix(process, where+" ")
	var pid int
	var began string
	if _, err := fmt.Sscan(rest, &pid, &began); !here || err != nil {
		return false
	}
	now, err := beganAt(pid)
	return errors.Is(err, fs.ErrNotExist) || err == nil && now != began
}

// numberedBy identifies the namespace that process numbers are of.
func numberedBy() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	return strings.TrimSpace(string(boot)) + " " + space, err
}

// beganAt returns when a process began, in clock ticks since the system did.
func beganAt(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name, in parentheses, may contain anything. The number is field 22.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return "", errors.New("/proc/.../stat is not as it should be")
	}
	return fields[19], nil
}
