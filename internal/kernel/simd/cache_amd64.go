//go:build amd64 && !noasm

package simd

// cacheSizes asks the processor. Intel and AMD describe their caches in the same
// form, under different leaves of CPUID.
func cacheSizes() (l1, l2 int) {
	l1, l2 = 32<<10, 256<<10
	leaf := uint32(4)
	if highest, _, c, _ := cpuid(0, 0); c == 0x444d4163 || c == 0x656e6975 { // AuthenticAMD, HygonGenuine
		if last, _, _, _ := cpuid(0x80000000, 0); last < 0x8000001d {
			return l1, l2
		}
		leaf = 0x8000001d
	} else if highest < leaf {
		return l1, l2
	}
	for i := range uint32(8) {
		a, b, c, _ := cpuid(leaf, i)
		kind, level := a&31, a>>5&7
		if kind == 0 {
			break
		}
		size := int(b>>22+1) * int(b>>12&1023+1) * int(b&4095+1) * int(c+1) // ways, partitions, line, sets
		switch {
		case kind == 2: // instructions
		case level == 1:
			l1 = size
		case level == 2:
			l2 = size
			if threads := int(a>>14&4095 + 1); threads > 2 { // more than one core's
				l2 = 2 * size / threads
			}
		}
	}
	return l1, l2
}
