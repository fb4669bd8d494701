package advparams

import (
	"runtime"

	"github.com/advparams/advparams/gradient"
	built "github.com/advparams/advparams/internal/version"
)

// BuildInfo says what program this is, and what it computes with. In JSON it is what
// advparams version --json prints.
type BuildInfo struct {
	Version  string `json:"version"`            // of this module
	Revision string `json:"revision,omitempty"` // the commit, if the program was built in a checkout
	Date     string `json:"date,omitempty"`     // of the commit, in RFC 3339
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernel   string `json:"kernel"`        // the instruction set of the kernels
	CPU      string `json:"cpu,omitempty"` // the processor, as Linux names it
}

// Build describes this program.
func Build() BuildInfo {
	b := built.Of()
	return BuildInfo{
		Version: b.Version, Revision: b.Revision, Date: b.Date,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Kernel: gradient.KernelName(), CPU: processor(),
	}
}

// tool names this module and its version in the files that it writes.
func tool() string { return "advparams " + built.Of().Version }
