package simd

// AddRowSums adds to each of the sums a row of x, which are step elements apart and
// consist of runs, each jump elements behind the one before.
func AddRowSums(sums, x []float32, step, runs, length, jump int) {
	const high = 8 // of the kernel
	i := 0
	if isa.rowSums != nil && length%Lanes() == 0 {
		var buf [2 * high]float32
		for ; i+high <= len(sums); i += high {
			_ = x[(i+high-1)*step+(runs-1)*jump+length-1]
			isa.rowSums(runs, length/Lanes(), &x[i*step], step, jump, &buf[0])
			for j, s := range buf[:high] {
				sums[i+j] += s
			}
		}
	}
	for ; i < len(sums); i++ {
		for r := range runs {
			sums[i] += Sum(x[i*step+r*jump:][:length])
		}
	}
}
