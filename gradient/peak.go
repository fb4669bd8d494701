package gradient

import (
	"time"

	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Peaks are what the machine reaches at best, with all threads of some workers at once.
type Peaks struct {
	MultiplyAdds float64 // of float32 per second, with operands in the first cache
	Bytes        float64 // read and written per second, copying arrays larger than any cache
}

const (
	peakTime   = 20 * time.Millisecond
	peakRounds = 5
	peakDepth  = 64       // steps of a tile: its operands take some 20 KB
	peakCopied = 64 << 20 // bytes, by each thread
)

// MeasurePeaks measures for about a quarter of a second. The best of several rounds counts,
// since other programs may use the machine.
func MeasurePeaks(w *Workers) (p Peaks) {
	threads := w.Threads()
	for range peakRounds {
		p.MultiplyAdds = max(p.MultiplyAdds, w.rate(threads, tileWork))
	}
	sources, sinks := make([][]byte, threads), make([][]byte, threads)
	for i := range threads {
		sources[i], sinks[i] = make([]byte, peakCopied), make([]byte, peakCopied)
		for j := range sources[i] {
			sources[i][j] = byte(j) // or all pages would be the same zeros
		}
	}
	for range peakRounds {
		p.Bytes = max(p.Bytes, w.rate(threads, func(i int) float64 {
			return 2 * float64(copy(sinks[i], sources[i]))
		}))
	}
	return p
}

// rate returns how much work per second all threads do at a time. Each repeats f, which returns
// the work that it did, until the time is over.
func (w *Workers) rate(threads int, f func(thread int) float64) float64 {
	done, start := make([]float64, threads), time.Now()
	w.pool().For(threads, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for time.Since(start) < peakTime {
				done[i] += f(i)
			}
		}
	})
	took, sum := time.Since(start).Seconds(), 0.0
	for _, d := range done {
		sum += d
	}
	return sum / took
}

// tileWork computes the largest tile of a product, as the inner loop of most products and
// convolutions does, and returns the multiply-adds.
func tileWork(int) float64 {
	rows, cols := micro.Rows(), micro.Vecs()*simd.Lanes()
	t := micro.Tile{Rows: rows, Cols: cols, A: make([]float32, rows*peakDepth), B: make([]float32, peakDepth*cols), C: make([]float32, rows*cols)}
	for i := range rows {
		t.Row = append(t.Row, micro.Pair{i * peakDepth, i * cols})
	}
	for p := range peakDepth {
		t.Step = append(t.Step, micro.Pair{p, p * cols})
	}
	const times = 200
	for range times {
		t.Run()
	}
	return times * float64(rows*cols*peakDepth)
}
