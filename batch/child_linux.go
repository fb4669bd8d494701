package batch

import (
	"fmt"
	"os"
	"syscall"
)

// endWithParent makes the system tell a child to stop when its parent ends, for
// whatever reason.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }

// sacrifice makes the system kill a child first when memory runs out, before the
// batch itself and other services.
func sacrifice(pid int) {
	// If this is not allowed, the system decides as usual.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("800"), 0)
}
