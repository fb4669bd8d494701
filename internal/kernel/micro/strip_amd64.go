//go:build amd64 && !noasm

package micro

var stripsAVX512 = stripSet{16, []int{8, 4, 2, 1}, [][][2]stripKernel{
	{{stripColumns8x1AVX512, stripRows8x1AVX512}, {stripColumns8x2AVX512, stripRows8x2AVX512}, {stripColumns8x3AVX512, stripRows8x3AVX512}},
	{{stripColumns4x1AVX512, stripRows4x1AVX512}, {stripColumns4x2AVX512, stripRows4x2AVX512}, {stripColumns4x3AVX512, stripRows4x3AVX512}},
	{{stripColumns2x1AVX512, stripRows2x1AVX512}, {stripColumns2x2AVX512, stripRows2x2AVX512}, {stripColumns2x3AVX512, stripRows2x3AVX512}},
	{{stripColumns1x1AVX512, stripRows1x1AVX512}, {stripColumns1x2AVX512, stripRows1x2AVX512}, {stripColumns1x3AVX512, stripRows1x3AVX512}},
}}

var stripsAVX2 = stripSet{8, []int{6, 4, 2, 1}, [][][2]stripKernel{
	{{stripColumns6x1AVX2, stripRows6x1AVX2}, {stripColumns6x2AVX2, stripRows6x2AVX2}},
	{{stripColumns4x1AVX2, stripRows4x1AVX2}, {stripColumns4x2AVX2, stripRows4x2AVX2}},
	{{stripColumns2x1AVX2, stripRows2x1AVX2}, {stripColumns2x2AVX2, stripRows2x2AVX2}},
	{{stripColumns1x1AVX2, stripRows1x1AVX2}, {stripColumns1x2AVX2, stripRows1x2AVX2}},
}}
