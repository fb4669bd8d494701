//go:build arm64 && !noasm

package micro

var stripsNEON = stripSet{4, []int{8, 4, 2, 1}, [][][2]stripKernel{
	{{stripColumns8x1NEON, stripRows8x1NEON}, {stripColumns8x2NEON, stripRows8x2NEON}, {stripColumns8x3NEON, stripRows8x3NEON}},
	{{stripColumns4x1NEON, stripRows4x1NEON}, {stripColumns4x2NEON, stripRows4x2NEON}, {stripColumns4x3NEON, stripRows4x3NEON}},
	{{stripColumns2x1NEON, stripRows2x1NEON}, {stripColumns2x2NEON, stripRows2x2NEON}, {stripColumns2x3NEON, stripRows2x3NEON}},
	{{stripColumns1x1NEON, stripRows1x1NEON}, {stripColumns1x2NEON, stripRows1x2NEON}, {stripColumns1x3NEON, stripRows1x3NEON}},
}}
