package task

// Settings of the structural similarity: the side of the window, and what keeps quotients of
// small numbers stable (Wang, Bovik, Sheikh and Simoncelli 2004). The window is uniform and
// covariances are those of samples, as in scikit-image.
const (
	ssimWindow = 7
	ssimK1     = 0.01
	ssimK2     = 0.03
)

// similarity returns the mean structural similarity of one channel: over all places of the
// window, or of one as large as the image if that is smaller. peak is the largest difference
// that numbers may have.
func (p planes) similarity(x, y []float32, r region, peak float64) float64 {
	high, wide := min(ssimWindow, p.high), min(ssimWindow, p.wide)
	var tables [5][]float64 // sums of x, y, x², y² and xy over all elements above and to the left
	for k := range tables {
		tables[k] = make([]float64, (p.high+1)*(p.wide+1))
	}
	for i := range p.high {
		for j := range p.wide {
			at := p.index(r.sample, r.channel, i, j)
			a, b := float64(x[at]), float64(y[at])
			for k, v := range [5]float64{a, b, a * a, b * b, a * b} {
				t := tables[k]
				t[(i+1)*(p.wide+1)+j+1] = v + t[i*(p.wide+1)+j+1] + t[(i+1)*(p.wide+1)+j] - t[i*(p.wide+1)+j]
			}
		}
	}
	n := float64(high * wide)
	c1, c2 := ssimK1*peak*ssimK1*peak, ssimK2*peak*ssimK2*peak
	unbiased := n / max(n-1, 1)
	total, count := 0.0, 0
	for i := 0; i+high <= p.high; i++ {
		for j := 0; j+wide <= p.wide; j++ {
			var m [5]float64
			for k, t := range tables {
				m[k] = (t[(i+high)*(p.wide+1)+j+wide] - t[i*(p.wide+1)+j+wide] - t[(i+high)*(p.wide+1)+j] + t[i*(p.wide+1)+j]) / n
			}
			vx, vy, vxy := unbiased*(m[2]-m[0]*m[0]), unbiased*(m[3]-m[1]*m[1]), unbiased*(m[4]-m[0]*m[1])
			total += (2*m[0]*m[1] + c1) * (2*vxy + c2) / ((m[0]*m[0] + m[1]*m[1] + c1) * (vx + vy + c2))
			count++
		}
	}
	return bounded(total / float64(max(count, 1)))
}
