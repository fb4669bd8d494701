package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

//go:generate go run ../internal/asmgen -out asm_amd64.s -stubs asm_amd64.go -pkg micro
//go:generate go run ../internal/armgen -out asm_arm64.s -stubs asm_arm64.go -pkg micro

// microkernels holds the functions of one instruction set that compute the tasks of this
// package.
type microkernels struct {
	rows, vecs int // size of the largest tile of C: rows, and vectors in a row
	channels   int // largest number of channels of a DirectTile or a DotTile
	tile       func(*Tile)
	strip      func(*Strip)
	// The following may be nil. Methods that need them do not apply then.
	direct func(*DirectTile)
	dots   func(*DotTile)
	runs   func(*RunTile)
	tall   func(*TallTile)
}

// microSets holds the microkernels by instruction set.
var microSets [simd.Levels]*microkernels

func init() {
	microSets[simd.Portable] = &microkernels{rows: 4, vecs: 4, tile: portableTile, strip: portableStrip}
	addMicrokernels()
}

func micro() *microkernels { return microSets[simd.Active()] }

// Rows returns how many rows the largest tile of C has.
func Rows() int { return micro().rows }

// Vecs returns how many vectors a row of the largest tile of C has.
func Vecs() int { return micro().vecs }

// Channels returns the largest number of channels of a [DirectTile] or a [DotTile], 0
// where there is no code for them.
func Channels() int { return micro().channels }

// HasDirect reports whether there is code for [DirectTile].
func HasDirect() bool { return micro().direct != nil }

// HasDots reports whether there is code for [DotTile].
func HasDots() bool { return micro().dots != nil }

// HasRuns reports whether there is code for [RunTile].
func HasRuns() bool { return micro().runs != nil }

// HasTall reports whether there is code for [TallTile].
func HasTall() bool { return micro().tall != nil }

// Run computes the tile.
func (t *Tile) Run() { micro().tile(t) }

// Run computes the strip.
func (s *Strip) Run() { micro().strip(s) }

// Run computes the tile. [HasDirect] must hold.
func (t *DirectTile) Run() { micro().direct(t) }

// Run computes the tile. [HasDots] must hold.
func (t *DotTile) Run() { micro().dots(t) }

// Run computes the tile. [HasRuns] must hold.
func (t *RunTile) Run() { micro().runs(t) }

// Run computes the tile. [HasTall] must hold.
func (t *TallTile) Run() { micro().tall(t) }
