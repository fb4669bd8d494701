package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// thisProcess returns a name for this process that no other process on any host has.
// It consists of the boot ID of the system, the namespace of process numbers, the
// number, and the start time. It is "" if these cannot be found out.
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

// gone reports whether the process with a name of thisProcess is known to have ended.
// Nothing is known of processes on other systems.
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

// numberedBy returns a name for the namespace of process numbers.
func numberedBy() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	return strings.TrimSpace(string(boot)) + " " + space, err
}

// beganAt returns the start time of a process, in clock ticks since the system
// started.
func beganAt(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name of the program, in parentheses, may contain anything. The start time
	// is field 22.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return "", errors.New("/proc/.../stat is not as it should be")
	}
	return fields[19], nil
}
