package parallel

// ForLanes calls f, in parallel, with the index of the first element of every lane along the
// middle axis of an array of shape [outer, n, inner].
func ForLanes(w *Workers, outer, n, inner int, f func(at int)) {
	w.For(outer*inner, GrainOf(4*n), func(lo, hi int) {
		for l := lo; l < hi; l++ {
			f(l/inner*n*inner + l%inner)
		}
	})
}
