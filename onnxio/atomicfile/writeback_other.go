//go:build !linux

package atomicfile

import "os"

// beginWriteback does nothing: other systems have no call for it.
func beginWriteback(*os.File, int64, int64) {}
