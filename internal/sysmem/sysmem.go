// Package sysmem tells how much memory a program may hope for.
package sysmem

// Total returns the bytes of main memory, or of the control group that the
// process is confined to, and 0 where the system does not say.
func Total() int64 {
	total, group := physical(), confined()
	if total <= 0 || group > 0 && group < total {
		return group
	}
	return total
}
