package parallel

import (
	"time"

	"github.com/advparams/advparams/internal/kernel/simd"
)

// patience is how long to look for something that is about to happen before the
// system is asked to wake us. A wake takes about as long on a virtual machine, and
// the loops of a program follow one another at a shorter distance.
const patience = 100 * time.Microsecond

// spin calls f until it returns true; false if patience was lost before.
func spin(f func() bool) bool {
	for start := time.Now(); ; {
		for range 16 {
			if f() {
				return true
			}
			simd.Pause()
		}
		if time.Since(start) > patience {
			return false
		}
	}
}
