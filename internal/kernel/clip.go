package kernel

// ClipSlice sets dst to src limited to [lo, hi]; hi wins where they contradict.
// NaN stays NaN. dst may be src.
func ClipSlice(dst, src []float32, lo, hi float32) { isa.clip(dst, src, lo, hi) }

// ClipGradSlice sets gx to gy where lo < y < hi and to 0 elsewhere, y being
// [ClipSlice]'s output. gx may be y or gy.
func ClipGradSlice(gx, y, gy []float32, lo, hi float32) { isa.clipGrad(gx, y, gy, lo, hi) }
