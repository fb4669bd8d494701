package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// microkernels is the code of the tasks in this package for one instruction set.
type microkernels struct {
	rows, vecs int // the largest tile of C: rows, and vectors of a row
	channels   int // of a directTile and a dotTile, at most
	tile       func(*Tile)
	strip      func(*Strip)
	// direct and what follows may be nil: then methods that need them do not apply.
	direct func(*DirectTile)
	dots   func(*DotTile)
	runs   func(*RunTile)
	tall   func(*TallTile)
}

// microSets holds them by instruction set.
var microSets [simd.Levels]*microkernels

func init() {
	microSets[simd.Portable] = &microkernels{rows: 4, vecs: 4, tile: portableTile, strip: portableStrip}
	addMicrokernels()
}

func micro() *microkernels { return microSets[simd.Active()] }

// Rows returns how many rows the largest tile of C has, and microVecs how many
// vectors its rows have.
func Rows() int { return micro().rows }
func Vecs() int { return micro().vecs }

// Channels returns how many channels a directTile or a dotTile has at most.
func Channels() int { return micro().channels }

// HasDirect, hasDots, hasRuns and hasTall report whether there is code for these tasks.
func HasDirect() bool { return micro().direct != nil }
func HasDots() bool   { return micro().dots != nil }
func HasRuns() bool   { return micro().runs != nil }
func HasTall() bool   { return micro().tall != nil }

func (t *Tile) Run()       { micro().tile(t) }
func (s *Strip) Run()      { micro().strip(s) }
func (t *DirectTile) Run() { micro().direct(t) }
func (t *DotTile) Run()    { micro().dots(t) }
func (t *RunTile) Run()    { micro().runs(t) }
func (t *TallTile) Run()   { micro().tall(t) }
