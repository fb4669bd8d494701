package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// normals returns n elements of a kind as networks have them: normal draws with a
// deviation of 0.05 and bits at random where the kind is narrow.
func normals(k Kind, n int, r *rand.Rand) []byte {
	var b []byte
	for range n {
		b = appendValue(b, k, 0.05*r.NormFloat64(), r)
	}
	return b
}

func appendValue(b []byte, k Kind, v float64, r *rand.Rand) []byte {
	switch k {
	case Float32:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	case BFloat16:
		return binary.LittleEndian.AppendUint16(b, uint16(math.Float32bits(float32(v))>>16))
	case Float16: // times 2⁻¹¹² a float32 has the exponent of a float16
		f := math.Float32bits(float32(v) * 0x1p-112)
		return binary.LittleEndian.AppendUint16(b, uint16(f>>16&0x8000|f>>13&0x7fff))
	case Float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	case Int32, Uint32:
		return binary.LittleEndian.AppendUint32(b, uint32(int32(20000*v)))
	case Int64, Uint64:
		return binary.LittleEndian.AppendUint64(b, uint64(int64(20000*v)))
	}
	return append(b, byte(r.Uint32()))
}

// testKey is another one for every number, but the same in every run.
func testKey(t testing.TB, number int) *Key {
	t.Helper()
	k, err := DeriveKey([]byte("not secret in a test"), fmt.Append(nil, number))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// chiSquare returns how far counts are from equal, in deviations of the statistic.
func chiSquare(counts []int) float64 {
	total := 0
	for _, c := range counts {
		total += c
	}
	expected, sum := float64(total)/float64(len(counts)), 0.0
	for _, c := range counts {
		sum += (float64(c) - expected) * (float64(c) - expected) / expected
	}
	free := float64(len(counts) - 1)
	return (sum - free) / math.Sqrt(2*free)
}

// tolerance is in deviations. Keys are fixed, so that nothing fails by chance.
const tolerance = 4

// checkUniform checks that counts scatter as those of equal chances do. docs/sealing.md has
// what it logs.
func checkUniform(t *testing.T, what string, counts []int) {
	t.Helper()
	d := chiSquare(counts)
	if math.Abs(d) > tolerance {
		t.Errorf("%s: χ² is off by %.1f deviations", what, d)
	}
	t.Logf("%s: χ² of %d classes %+.1f deviations from what is expected", what, len(counts), d)
}

// Signs and mantissas come out uniform, whatever went in: here 1.0 and -0.75 only.
func TestRestsAreUniform(t *testing.T) {
	const n = 1 << 18
	var data []byte
	for i := range n {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits([]float32{1, -0.75}[i%8/7]))
	}
	c := mustCipher(t, testKey(t, 1), Tensor{Kind: Float32, Count: n})
	c.Seal(data, 0, 0)
	signs, high, low := make([]int, 2), make([]int, 1<<12), make([]int, 1<<11)
	together := make([]int, 1<<8) // the leading bits of neighbours
	last := uint32(0)
	for i := range n {
		x := binary.LittleEndian.Uint32(data[4*i:])
		signs[x>>31]++
		high[x>>11&0xfff]++
		low[x&0x7ff]++
		lead := x>>31<<3 | x>>20&7
		together[last<<4|lead]++
		last = lead
	}
	for name, counts := range map[string][]int{"signs": signs, "upper mantissas": high, "lower mantissas": low, "neighbours": together} {
		checkUniform(t, name, counts)
	}
}

// Every element of a block is as likely to go to any place.
func TestPermutationIsUniform(t *testing.T) {
	const blocks = 256
	data := make([]byte, blocks*BlockLen) // every element says where it was
	for i := range data {
		data[i] = byte(i % BlockLen / 16)
	}
	c := mustCipher(t, testKey(t, 2), Tensor{Kind: Float8E8M0, Count: int64(len(data))})
	c.Seal(data, 0, 0)
	moves := make([]int, 1<<16)
	for i, from := range data {
		moves[int(from)<<8|i%BlockLen/16]++
	}
	checkUniform(t, "places", moves)
}

// All permutations of a short tensor are as likely.
func TestShortPermutationsAreUniform(t *testing.T) {
	counts := make([]int, 24)
	for k := range 24_000 {
		data := []byte{0, 1, 2, 3}
		c := mustCipher(t, testKey(t, k), Tensor{Kind: Float8E8M0, Count: 4})
		c.Seal(data, 0, 1)
		rank := 0
		for i := range data {
			for j := i + 1; j < len(data); j++ {
				if data[j] < data[i] {
					rank += []int{6, 2, 1, 0}[i]
				}
			}
		}
		counts[rank]++
	}
	checkUniform(t, "permutations of four", counts)
}

// The game: of two tensors with the same classes in every block one is sealed. One
// is smooth, of one sign here and another there, with large values in one corner,
// and has round mantissas; the other has nothing of that. Guessing which is no
// better than a coin, whatever is looked at.
func TestGame(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const rows, columns, rounds = 96, 64, 3000
	n := rows * columns
	r := rand.New(rand.NewPCG(7, 7))
	structured, plain := make([]float32, n), make([]float32, n)
	for i := range structured {
		y, x := float64(i/columns), float64(i%columns)
		v := math.Exp(-(x*x+y*y)/3000) * (0.3 + math.Cos(x/9)*math.Cos(y/7))
		structured[i] = float32(math.Round(v*64)/64 + 0x1p-7)
	}
	for from := 0; from < n; from += BlockLen { // the same classes, elsewhere
		part := plain[from:min(from+BlockLen, n)]
		for i, j := range r.Perm(len(part)) {
			exponent := math.Float32bits(structured[from+j]) & 0x7f800000
			part[i] = math.Float32frombits(exponent | r.Uint32()&0x807fffff)
		}
	}
	distinguishers := map[string]func(x []float32) float64{
		"mean": func(x []float32) float64 { return correlation(x, func(int) float64 { return 1 }) },
		"correlation with one": func(x []float32) float64 {
			return correlation(x, func(i int) float64 { return float64(structured[i]) })
		},
		"correlation with the other": func(x []float32) float64 { return correlation(x, func(i int) float64 { return float64(plain[i]) }) },
		"signs of one": func(x []float32) float64 {
			return correlation(x, func(i int) float64 { return math.Copysign(1, float64(structured[i])) })
		},
		"right neighbour": func(x []float32) float64 { return correlation(x[1:], func(i int) float64 { return float64(x[i]) }) },
		"neighbour below": func(x []float32) float64 {
			return correlation(x[columns:], func(i int) float64 { return float64(x[i]) })
		},
		"sizes of neighbours":         sizesOfNeighbours,
		"sizes in the corner of one":  func(x []float32) float64 { return logCorrelation(x, structured) },
		"sizes of the other":          func(x []float32) float64 { return logCorrelation(x, plain) },
		"first singular value":        func(x []float32) float64 { return singular(x, rows, columns) },
		"largest row":                 func(x []float32) float64 { return largestRow(x, columns) },
		"zeros at the mantissas' end": zeroBits,
	}
	scores := map[string][2][]float64{}
	for round := range rounds {
		which := round & 1
		x := [][]float32{structured, plain}[which]
		data := make([]byte, 0, 4*n)
		for _, v := range x {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		if SameSigns(Float32, data) {
			t.Fatal("signs differ in neither")
		}
		c := mustCipher(t, testKey(t, round), Tensor{Kind: Float32, Count: int64(n)})
		c.Seal(data, 0, 0)
		sealed := make([]float32, n)
		for i := range sealed {
			sealed[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		for name, d := range distinguishers {
			s := scores[name]
			s[which] = append(s[which], d(sealed))
			scores[name] = s
		}
	}
	// A distinguisher is rated as detectors of changed weights are: by the chance
	// that it orders one of each rightly.
	for name, s := range scores {
		above := 0.0
		for _, a := range s[0] {
			for _, b := range s[1] {
				switch {
				case a > b:
					above++
				case a == b:
					above += 0.5
				}
			}
		}
		pairs := len(s[0]) * len(s[1])
		auc := above / float64(pairs)
		deviation := math.Sqrt(float64(len(s[0])+len(s[1])+1) / 12 / float64(pairs))
		t.Logf("%s: AUC %.3f", name, auc)
		if math.Abs(auc-0.5) > tolerance*deviation {
			t.Errorf("%s tells them apart: AUC %.3f", name, auc)
		}
		// And it has to be one: without sealing it finds out.
		if a, b := distinguishers[name](structured), distinguishers[name](plain); a == b {
			t.Errorf("%s cannot tell the originals apart", name)
		}
	}
}

func correlation(x []float32, y func(i int) float64) float64 {
	var sum, size float64
	for i, v := range x {
		sum += float64(v) * y(i)
		size += float64(v) * float64(v)
	}
	return sum / math.Sqrt(size)
}

func logs(x []float32) []float64 {
	l, mean := make([]float64, len(x)), 0.0
	for i, v := range x {
		l[i] = math.Log2(math.Abs(float64(v)) + 0x1p-20)
		mean += l[i] / float64(len(x))
	}
	for i := range l {
		l[i] -= mean
	}
	return l
}

func sizesOfNeighbours(x []float32) float64 {
	l, sum := logs(x), 0.0
	for i := range l[1:] {
		sum += l[i] * l[i+1]
	}
	return sum
}

func logCorrelation(x, y []float32) float64 {
	a, b, sum := logs(x), logs(y), 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// singular returns the first singular value of a matrix, by some steps of the power
// method.
func singular(x []float32, rows, columns int) float64 {
	v := make([]float64, columns)
	for i := range v {
		v[i] = 1
	}
	size := 0.0
	for range 12 {
		next := make([]float64, columns)
		for y := range rows {
			dot := 0.0
			for i := range v {
				dot += v[i] * float64(x[y*columns+i])
			}
			for i := range v {
				next[i] += dot * float64(x[y*columns+i])
			}
		}
		size = 0
		for _, w := range next {
			size += w * w
		}
		for i := range v {
			v[i] = next[i] / math.Sqrt(size)
		}
	}
	return size
}

func largestRow(x []float32, columns int) float64 {
	largest := 0.0
	for from := 0; from < len(x); from += columns {
		sum := 0.0
		for _, v := range x[from : from+columns] {
			sum += float64(v) * float64(v)
		}
		largest = max(largest, sum)
	}
	return largest
}

func zeroBits(x []float32) float64 {
	n := 0
	for _, v := range x {
		if math.Float32bits(v)&0xff == 0 {
			n++
		}
	}
	return float64(n)
}

// Under keys that differ in one bit, what is encrypted has nothing in common.
func TestKeyAvalanche(t *testing.T) {
	data := normals(Float32, BlockLen, rand.New(rand.NewPCG(3, 3)))
	a, b := bytes.Clone(data), bytes.Clone(data)
	key := testKey(t, 5)
	tensor := Tensor{Kind: Float32, Count: BlockLen}
	mustCipher(t, key, tensor).Seal(a, 0, 1)
	key.Seed[13] ^= 0x10
	mustCipher(t, key, tensor).Seal(b, 0, 1)
	same := 0
	for i := range BlockLen {
		if (binary.LittleEndian.Uint32(a[4*i:])^binary.LittleEndian.Uint32(b[4*i:]))>>22&1 == 0 {
			same++
		}
	}
	if d := (float64(same) - BlockLen/2) / math.Sqrt(BlockLen/4); math.Abs(d) > tolerance {
		t.Errorf("%d of %d leading mantissa bits are the same under another key", same, BlockLen)
	}
}
