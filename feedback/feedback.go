// Package feedback is what a call of package advparams tells its caller besides the result: how far
// it has come, what it has noticed on the way, and which option is a mistake.
package feedback

// Progress says how far a stage of a run has come. It is reported one call at a time.
type Progress struct {
	// Stage names the stage: "making up samples", "asking the model", "searching",
	// "measuring original", "measuring locked", "sealing", "unlocking", "forward" … or an
	// attack.
	Stage string
	// Done and Total count samples, epochs, runs or mebibytes. For a search they are thousandths
	// of the way to the target and beyond it, where fewer changes are looked for.
	Done, Total int
	// Text describes the state in one line. It may be empty.
	Text string
}

// Timed reports whether Done and Total tell how long the stage will take. Those of a search
// do not.
func (p Progress) Timed() bool { return p.Stage != "searching" }

// NoticeKind says what a Notice is about.
type NoticeKind int

const (
	// NoticeData says which samples are used.
	NoticeData NoticeKind = iota
	// NoticeTask says what the model is for, where that is not classification.
	NoticeTask
	// NoticeAttack says what an attack came to.
	NoticeAttack
	// NoticeOutput warns that another output of a locked model is still right.
	NoticeOutput
	// NoticeSamples warns of samples that say little about what a model is worth.
	NoticeSamples
	// NoticeUnreadable warns that a model cannot be read, and is not measured.
	NoticeUnreadable
	// NoticeLeft warns of weights that are not sealed.
	NoticeLeft
	// NoticeDraws says that a model was sealed several times.
	NoticeDraws
	// NoticeSize warns of a model file that is too large for other programs.
	NoticeSize
	// NoticePreprocess warns of images that are not prepared as they were for the lock.
	NoticePreprocess
	// NoticeRest says what a locked model is worth without its most frequent answers.
	NoticeRest
)

// Notice is a message on the way to a result.
type Notice struct {
	Kind NoticeKind
	Text string // one line
}

// Warning reports whether the notice is a warning.
func (n Notice) Warning() bool {
	return n.Kind == NoticeUnreadable || n.Kind == NoticeSamples || n.Kind == NoticeOutput || n.Kind == NoticeLeft || n.Kind == NoticeSize || n.Kind == NoticePreprocess
}
