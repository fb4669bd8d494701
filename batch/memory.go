package batch

import "runtime"

// Resources are what a run may use.
type Resources struct {
	Cores  int
	Memory Size // 0: unknown, and not limited
}

// Available finds out what there is for this process: cores and memory that are
// free, within the limits of its control group.
func Available() Resources {
	// GOMAXPROCS takes affinity and CPU quotas into account.
	return Resources{Cores: runtime.GOMAXPROCS(0), Memory: Size(availableMemory())}
}

// estimate returns the memory that a job needs: what it took the last time, or a
// guess from the size of the model. Gradients and the values between operators
// are held for some hundred samples at a time; small convolutional networks took
// 0.3 to 0.6 GiB, nearly all of it for samples.
func (j *Job) estimate(r *record) int64 {
	switch {
	case j.Memory > 0:
		return int64(j.Memory)
	case r.PeakMemory > 0:
		return r.PeakMemory + r.PeakMemory/8
	}
	return 512<<20 + 8*j.Size
}
