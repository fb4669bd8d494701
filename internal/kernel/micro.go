package kernel

// microkernels is the code of the tasks in this package for one instruction set.
type microkernels struct {
	rows, vecs int // the largest tile of C: rows, and vectors of a row
	channels   int // of a directTile and a dotTile, at most
	tile       func(*tile)
	strip      func(*strip)
	// direct and what follows may be nil: then methods that need them do not apply.
	direct func(*directTile)
	dots   func(*dotTile)
	runs   func(*runTile)
	tall   func(*tallTile)
}

// microSets holds them by instruction set.
var microSets [levels]*microkernels

func init() {
	microSets[portableLevel] = &microkernels{rows: 4, vecs: 4, tile: portableTile, strip: portableStrip}
	addMicrokernels()
}

func micro() *microkernels { return microSets[isaLevel()] }

// microRows returns how many rows the largest tile of C has, and microVecs how many
// vectors its rows have.
func microRows() int { return micro().rows }
func microVecs() int { return micro().vecs }

// blockChannels returns how many channels a directTile or a dotTile has at most.
func blockChannels() int { return micro().channels }

// hasDirect, hasDots, hasRuns and hasTall report whether there is code for these tasks.
func hasDirect() bool { return micro().direct != nil }
func hasDots() bool   { return micro().dots != nil }
func hasRuns() bool   { return micro().runs != nil }
func hasTall() bool   { return micro().tall != nil }

func (t *tile) run()       { micro().tile(t) }
func (s *strip) run()      { micro().strip(s) }
func (t *directTile) run() { micro().direct(t) }
func (t *dotTile) run()    { micro().dots(t) }
func (t *runTile) run()    { micro().runs(t) }
func (t *tallTile) run()   { micro().tall(t) }
