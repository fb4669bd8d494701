package parallel

import (
	"time"

	"github.com/advparams/advparams/internal/kernel/simd"
)

// patience is how long to poll for an event before blocking. Waking a blocked thread takes
// about as long on a virtual machine, and the loops of a program usually follow one another
// faster.
const patience = 100 * time.Microsecond

// spin calls f until it returns true. It gives up after patience, and returns false.
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
