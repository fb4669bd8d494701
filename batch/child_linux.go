package batch

import (
	"fmt"
	"os"
	"syscall"
)

// endWithParent has a child told to stop when its parent is gone, however it went.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }

// sacrifice makes a child the first to go when memory runs out, before the
// batch itself and other services.
func sacrifice(pid int) {
	// Where it is not allowed, the system decides as usual.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("800"), 0)
}
