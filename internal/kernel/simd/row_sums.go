package simd

// AddRowSums adds the sum of a row of x to each of the sums. Rows are step elements apart.
// Each consists of runs of length elements; runs are jump elements apart.
func AddRowSums(sums, x []float32, step, runs, length, jump int) {
	const high = 8 // rows that the assembly sums at once
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
