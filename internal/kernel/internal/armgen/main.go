// Command armgen writes the arm64 assembly of a kernel package, as asmgen writes that for
// amd64: that of the package which -pkg names. Run it through "go generate"; the output is
// committed.
//
// # Files
//
//	main.go     which kernels a package has
//	kernel.go       what the kernels have in common: partial vectors, sums
//	code.go         arithmetic on vectors: formula.Code
//	elementwise.go  functions on slices
//	softmax.go      softmax of rows
//	sums.go         sums of adjacent slices
//	copy.go         copies of rows, every second element, two rows interleaved
//	transpose.go    transposition
//	halve.go        pooling with windows of 2×2
//	winograd.go     transforms of Winograd's convolutions
//	tile.go         matrix products: tiles
//	strip.go        matrix products: strips of rows
//	runs.go         matrix products: rows of A in runs
//	tall.go         matrix products: all channels of one vector of positions
//	dots.go         gradients of weights as inner products
//	direct.go       direct convolutions
//	depthwise.go    convolutions of each channel with a kernel of its own
package main

import (
	"flag"
	"log"
	"os"
	"strings"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
	"github.com/advparams/advparams/internal/kernel/internal/formula"
)

// packages writes the assembly of each package.
var packages = map[string]func(){
	"simd":      simdKernels,
	"micro":     microKernels,
	"pool":      halves,
	"winograd":  transforms,
	"depthwise": depthwise,
}

var (
	pkg   = flag.String("pkg", "", "package to write the assembly of")
	out   = flag.String("out", "", "file for the assembly")
	stubs = flag.String("stubs", "", "file for the declarations")
)

// file is what is written.
var file a64.File

func main() {
	flag.Parse()
	write, ok := packages[*pkg]
	if !ok {
		log.Fatalf("no assembly for package %q", *pkg)
	}
	file = a64.File{Command: "go run main.go " + strings.Join(os.Args[1:], " "), Package: *pkg}
	write()
	for name, text := range map[string]string{*out: file.Assembly(), *stubs: file.Declarations()} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

func simdKernels() {
	sumEach()
	for _, e := range formula.Elementwises[a64.Reg]() {
		elementwise(e)
	}
	softmax()
	transpose(4)
	transpose(8)
	copyRows()
	everySecond()
	interleave()
}

func microKernels() {
	tiles()
	strips()
	directs()
	dots()
	allRuns()
	talls()
}
