package main

import (
	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// lanes is the number of elements of a vector, vectorBytes its size.
const lanes, vectorBytes = 4, 16

// Go's arguments of the microkernels, see package micro.
const (
	initC       = 1
	initRowBias = 2
)

// kernel is a function under construction.
type kernel struct {
	*a64.Func
}

func newKernel(name, signature string) kernel {
	k := kernel{a64.NewFunc(name, signature)}
	file.Funcs = append(file.Funcs, k.Func)
	return k
}

// part says how many elements the last vector of a row has. NEON has no masks. A vector of two
// or three elements is loaded as two pairs, of which the second ends with the last element: of
// three, the element in the middle is there twice. All that is done with such vectors is done
// to both copies, and storing the pairs puts each element in its place.
type part int

const (
	whole part = iota
	pairs      // two or three elements
	single
)

func (p part) String() string { return [...]string{"whole", "pairs", "single"}[p] }

// load reads vectors that lie one after another from from on, the last as far as the part
// goes. last is the address of the second pair of a vector of pairs.
func (k kernel) load(p part, from, last a64.Reg, to []a64.Reg) {
	n := len(to)
	if p != whole {
		n--
	}
	i := 0
	for ; i+2 <= n; i += 2 {
		k.I("FLDPQ %d(%ir), (%of, %of)", i*vectorBytes, from, to[i], to[i+1])
	}
	if i < n {
		k.I("FMOVQ %d(%ir), %of", i*vectorBytes, from, to[i])
	}
	switch p {
	case pairs:
		k.I("FMOVD %d(%ir), %of", n*vectorBytes, from, to[n])
		k.I("VLD1 (%ir), %mv.D[1]", last, to[n])
	case single:
		k.I("FMOVS %d(%ir), %of", n*vectorBytes, from, to[n])
	}
}

// store is the reverse of load.
func (k kernel) store(p part, from []a64.Reg, to, last a64.Reg) {
	n := len(from)
	if p != whole {
		n--
	}
	i := 0
	for ; i+2 <= n; i += 2 {
		k.I("FSTPQ (%if, %if), %d(%ir)", from[i], from[i+1], i*vectorBytes, to)
	}
	if i < n {
		k.I("FMOVQ %if, %d(%ir)", from[i], i*vectorBytes, to)
	}
	switch p {
	case pairs:
		k.I("FMOVD %if, %d(%ir)", from[n], n*vectorBytes, to)
		k.I("VST1 %iv.D[1], (%ir)", from[n], last)
	case single:
		k.I("FMOVS %if, %d(%ir)", from[n], n*vectorBytes, to)
	}
}

// accumulate stores vectors, added to what is there if add.
func (k kernel) accumulate(p part, from []a64.Reg, to, last a64.Reg, add bool) {
	if add {
		old := k.Vs(len(from))
		k.load(p, to, last, old)
		for i, v := range from {
			k.W(&a64.FADD, v, v, old[i])
		}
	}
	k.store(p, from, to, last)
}

// secondPair returns how far the second pair of the last of vecs vectors, which has last
// elements, is from the first vector, in bytes.
func (k kernel) secondPair(vecs int, last a64.Reg) a64.Reg {
	r := k.R()
	k.I("LSL $2, %ir, %or", last, r)
	k.Advance(r, (vecs-1)*vectorBytes-8)
	return r
}

// eachPart writes code for whole vectors and for partial ones. Labels in it end with the name of
// the part.
func (k kernel) eachPart(last a64.Reg, write func(p part)) {
	k.I("CMP $%d, %ir", lanes, last)
	k.Jump("BLT", "partial")
	write(whole)
	k.Label("partial")
	k.I("CMP $1, %ir", last)
	k.Jump("BEQ", "one")
	write(pairs)
	k.Label("one")
	write(single)
}

// begin sets the accumulators of a tile to what the parameter begin, an Init of package micro,
// says: to the bias, or to 0 even for a tile that is added to C. A sum of partial sums is more
// accurate than one long sum. name makes labels unique. If further, the bias of rows advances by
// the rows of the tile.
func (k kernel) begin(name string, p part, acc []a64.Reg, vecs int, begin, bias, second a64.Reg, further bool) {
	k.I("CMP $%d, %ir", initRowBias, begin)
	k.Jump("BLT", "fromZero"+name)
	k.Jump("BEQ", "fromRows"+name)
	last := k.R()
	if p == pairs {
		k.I("ADD %ir, %ir, %or", bias, second, last)
	}
	k.load(p, bias, last, acc[:vecs])
	for i, v := range acc[vecs:] {
		k.I("VMOV %iv.B16, %ov.B16", acc[i%vecs], v)
	}
	k.Jump("B", "begun"+name)
	k.Label("fromRows" + name)
	at := k.Copy(bias)
	for i := 0; i < len(acc); i += vecs {
		k.I("VLD1R.P 4(%mr), [%ov.S4]", at, acc[i])
		for _, v := range acc[i+1 : i+vecs] {
			k.I("VMOV %iv.B16, %ov.B16", acc[i], v)
		}
	}
	if further {
		k.I("MOVD %ir, %or", at, bias)
	}
	k.Jump("B", "begun"+name)
	k.Label("fromZero" + name)
	for _, v := range acc {
		k.Zero(v)
	}
	k.Label("begun" + name)
}

// multiply adds element lane of x times the vectors b to the accumulators.
func (k kernel) multiply(acc, b []a64.Reg, x a64.Reg, lane int) {
	for j, v := range b {
		k.WN(&a64.FMLALane, lane, acc[j], v, x)
	}
}
