package batch

import (
	"os"
	"path"
	"strconv"
	"strings"
)

// availableMemory returns the bytes that can be used without swapping; 0 if they
// cannot be found out.
func availableMemory() int64 {
	free := memAvailable() << 10
	for _, limit := range controlGroups() {
		if free == 0 || limit < free {
			free = limit
		}
	}
	return free
}

// memAvailable returns what the system can give without swapping, in KiB.
func memAvailable() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "MemAvailable:" {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n
		}
	}
	return 0
}

// controlGroups returns what our control group and each group around it have left
// below their limits, in bytes. It reads versions 1 and 2 of the interface. Cached
// files count as free, because they are dropped when memory is needed.
func controlGroups() []int64 {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var left []int64
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		root, limit, used := "/sys/fs/cgroup", "memory.max", "anon"
		if parts[1] == "memory" {
			root, limit, used = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "total_rss"
		} else if parts[1] != "" {
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			if most := number(path.Join(root, group, limit), ""); most > 0 && most < 1<<60 {
				left = append(left, max(most-number(path.Join(root, group, "memory.stat"), used), 1))
			}
			if group == "/" {
				break
			}
		}
	}
	return left
}

// number returns the number in a file or, if a name is given, on the line that
// begins with the name; 0 if there is none.
func number(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case name == "" && len(fields) == 1:
		case len(fields) > 1 && fields[0] == name:
		default:
			continue
		}
		n, _ := strconv.ParseInt(fields[len(fields)-1], 10, 64)
		return n
	}
	return 0
}
