package batch

import (
	"runtime"

	"github.com/advparams/advparams/internal/wire"
)

// Resources are what a run may use.
type Resources struct {
	Cores  int
	Memory Size // 0: unknown; models are not held back for lack of memory
}

// Available returns the cores and the free memory that this process can use within
// the limits of its control group.
func Available() Resources {
	// GOMAXPROCS takes processor affinity and CPU quotas into account.
	return Resources{Cores: runtime.GOMAXPROCS(0), Memory: Size(availableMemory())}
}

// estimate returns the memory in bytes that a job needs: what the manifest says,
// what the job took the last time, or a guess from the size of the model. Gradients
// and intermediate values are held for some hundred samples at a time. Small
// convolutional networks took 0.3 to 0.6 GiB, nearly all of it for samples.
func (j *Job) estimate(r *record) int64 {
	const most = 1 << 58 // of which eight are still a number
	switch {
	case j.Memory > 0:
		return int64(j.Memory)
	case r.PeakMemory > 0:
		m := min(r.PeakMemory, most)
		return m + m/8
	}
	if j.Profile == "sealed" && j.Data.Path == "" && j.verifyData().Path == "" && !j.does(wire.StepAttack) {
		return 256 << 20 // files are read and written in parts
	}
	return 512<<20 + 8*min(j.Size, most)
}
