//go:build amd64 && !noasm && !linux

package simd

// mayUseTiles reports false: nobody has tried how other systems give out the registers of the
// matrix unit.
func mayUseTiles() bool { return false }
